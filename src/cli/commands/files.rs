//! `riftzone schema`, `completions`, `man` and `new`: files for editors, shells, readers and beginners.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::{Arguments, Completions, Man, New};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::scenario;

/// Prints the JSON Schema of scenario files.
pub fn schema(output: &Output) -> Result<Exit, Failure> {
    output.print(&format!("{:#}\n", scenario::schema()))?;
    Ok(Exit::Held)
}

/// Prints the completions of a shell.
pub fn completions(asked: &Completions, output: &Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "riftzone", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Held)
}

/// Writes the pages of the manual.
pub fn man(asked: &Man, output: &Output) -> Result<Exit, Failure> {
    let folder = Path::new(&asked.folder);
    let failed = |error| Failure::File { action: "write", path: asked.folder.clone(), error };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)?;
    output.print(&format!(
        "wrote riftzone.1 and a page for each command to {0}; read one: man {0}/riftzone.1\n",
        asked.folder
    ))?;
    Ok(Exit::Held)
}

/// Writes a scenario to begin with; never over a file that is there.
pub fn new(asked: &New, output: &Output) -> Result<Exit, Failure> {
    let stem = asked.name.strip_suffix(".toml").unwrap_or(&asked.name);
    if stem.trim().is_empty() || Path::new(stem).file_name().is_none_or(|name| name != stem) {
        let message = format!("`{}` is not a file name: the scenario is written to NAME.toml here", asked.name);
        return Err(Failure::Usage { message, help: None });
    }
    let path = format!("{stem}.toml");
    let failed = |error| Failure::File { action: "write", path: path.clone(), error };
    let mut file = match File::create_new(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let help = Some("choose another name, or move that file away".into());
            return Err(Failure::Usage { message: format!("{path} is there already, and is left as it is"), help });
        }
        other => other.map_err(failed)?,
    };
    file.write_all(scenario::starter(stem).as_bytes()).map_err(failed)?;
    output.print(&format!(
        "wrote {path}\n\nnext:\n  riftzone run {path}        one run: what happened, and whether it held\n  \
         riftzone compare {path}    its designs side by side on 20 seeds\n"
    ))?;
    Ok(Exit::Held)
}
