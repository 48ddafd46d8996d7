//! Colors, few and with a meaning each.
//!
//! Text is laid out first and painted last, so that no width is ever counted with an escape code in it. Next:
//! `table.rs`.

/// What a piece of text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A heading, or what to look at first.
    Strong,
    /// There for whoever looks for it.
    Faint,
    /// The best of its row; something that held.
    Good,
    /// Something broken.
    Bad,
    /// Something that nobody could decide.
    Doubt,
}

/// How styles become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Not at all: text for files and pipes.
    #[default]
    Off,
    /// ANSI escape codes, for terminals.
    Ansi,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Strong => "\x1b[1m",
            Style::Faint => "\x1b[2m",
            Style::Good => "\x1b[1;32m",
            Style::Bad => "\x1b[1;31m",
            Style::Doubt => "\x1b[33m",
        }
    }
}

impl Paint {
    /// The text in this style.
    pub fn paint(self, style: Style, text: impl std::fmt::Display) -> String {
        if self == Paint::Off || style == Style::Plain {
            return text.to_string();
        }
        format!("{}{text}\x1b[0m", style.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colors_there_is_no_escape_code() {
        assert_eq!(Paint::Off.paint(Style::Bad, "fail"), "fail");
        assert_eq!(Paint::Ansi.paint(Style::Plain, "pass"), "pass");
        assert_eq!(Paint::Ansi.paint(Style::Bad, "fail"), "\x1b[1;31mfail\x1b[0m");
    }
}
