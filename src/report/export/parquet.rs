//! Tables as Parquet, by the `parquet` crate: one row group, uncompressed, every column optional.
//!
//! Whole numbers are INT64, other numbers DOUBLE, words UTF8. Next: `perfetto.rs`.

use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::columns::{Cells, Column, Columns};

/// The file.
///
/// # Errors
/// As the crate does; writing to memory should not.
pub fn bytes(table: &Columns) -> Result<Vec<u8>> {
    let fields = table.columns.iter().map(field).collect::<Result<Vec<TypePtr>>>()?;
    let schema = Arc::new(Type::group_type_builder("riftzone").with_fields(fields).build()?);
    // The crate's version is no part of what was found: equal runs are equal bytes.
    let properties = Arc::new(WriterProperties::builder().set_created_by("riftzone".into()).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = writer.next_row_group()?;
    for column in &table.columns {
        let mut place = group.next_column()?.expect("the schema has every column");
        match &column.cells {
            Cells::Text(cells) => {
                let bytes = cells.iter().map(|cell| cell.as_deref().map(ByteArray::from));
                write::<ByteArrayType>(&mut place, bytes)?;
            }
            Cells::Whole(cells) => {
                let numbers = cells.iter().map(|cell| cell.map(|cell| i64::try_from(cell).unwrap_or(i64::MAX)));
                write::<Int64Type>(&mut place, numbers)?;
            }
            Cells::Real(cells) => write::<DoubleType>(&mut place, cells.iter().copied())?,
            Cells::Truth(cells) => write::<BoolType>(&mut place, cells.iter().copied())?,
        }
        place.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn field(column: &Column) -> Result<TypePtr> {
    let (physical, converted) = match column.cells {
        Cells::Text(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        Cells::Whole(_) => (Physical::INT64, ConvertedType::NONE),
        Cells::Real(_) => (Physical::DOUBLE, ConvertedType::NONE),
        Cells::Truth(_) => (Physical::BOOLEAN, ConvertedType::NONE),
    };
    let builder = Type::primitive_type_builder(column.name, physical).with_converted_type(converted);
    Ok(Arc::new(builder.with_repetition(Repetition::OPTIONAL).build()?))
}

/// Writes a column: its values, and for each row whether there is one.
fn write<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<()> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}
