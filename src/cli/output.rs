//! Where output goes: data to stdout, everything else to stderr, in colors where they are wanted.
//!
//! Next: `load.rs`.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde_json::Value;

use crate::report::{Paint, Style};
use crate::scenario::ScenarioError;

use super::args::{Color, Format};
use super::exit::{Exit, Failure};

/// The two streams, and whether each takes colors.
#[derive(Debug)]
pub struct Output {
    /// For stdout.
    pub paint: Paint,
    /// For stderr.
    diagnostics: Paint,
}

impl Output {
    /// With colors as asked.
    pub fn new(color: Color) -> Output {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::AlwaysAnsi,
            Color::Never => ColorChoice::Never,
        };
        choice.write_global();
        let paint = |choice| if choice == ColorChoice::Never { Paint::Off } else { Paint::Ansi };
        Output {
            paint: paint(AutoStream::choice(&io::stdout())),
            diagnostics: paint(AutoStream::choice(&io::stderr())),
        }
    }

    /// Prints data. That nobody reads on is no failure: the exit code still tells how it went.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    /// Prints a report in the form that was asked for; only that form is made.
    pub fn report(
        &self,
        format: Format,
        text: impl FnOnce(Paint) -> String,
        json: impl FnOnce() -> Value,
    ) -> Result<(), Failure> {
        match format {
            Format::Text => self.print(&text(self.paint)),
            Format::Json => self.print(&format!("{:#}\n", json())),
        }
    }

    /// Says something beside the data.
    pub fn note(&self, text: &str) {
        // Where even stderr is gone, there is nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Says what went wrong, and gives the exit code for it.
    pub fn fail(&self, failure: &Failure) -> Exit {
        let error = self.diagnostics.paint(Style::Bad, "error");
        match failure {
            Failure::Scenario { error, text } => self.note(self.snippet(error, text).trim_end()),
            Failure::File { action, path, error: why } => self.note(&format!("{error}: cannot {action} {path}: {why}")),
            Failure::Usage { message, help: None } => self.note(&format!("{error}: {message}")),
            Failure::Usage { message, help: Some(help) } | Failure::Replay { message, help } => {
                self.note(&format!("{error}: {message}\n  {} {help}", self.diagnostics.paint(Style::Strong, "help:")));
            }
            Failure::Output(why) => self.note(&format!("{error}: cannot write output: {why}")),
        }
        failure.exit()
    }

    /// An error of a scenario with the place in its text, and then what else is wrong there.
    fn snippet(&self, error: &ScenarioError, text: &str) -> String {
        let theme =
            if self.diagnostics == Paint::Ansi { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
        let mut rendered = String::new();
        for error in std::iter::once(error).chain(&error.also) {
            let message = format!("{}:{}:{}: {}", error.file, error.line, error.column, error.message);
            let snippet = Snippet { error, message, source: NamedSource::new(&error.file, text.to_string()) };
            handler.render_report(&mut rendered, &snippet).expect("a string takes all");
        }
        rendered
    }
}

/// Whether progress can be shown.
pub fn shows_progress() -> bool {
    io::stderr().is_terminal()
}

/// A scenario's error as miette takes it.
#[derive(Debug)]
struct Snippet<'a> {
    error: &'a ScenarioError,
    message: String,
    source: NamedSource<String>,
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Snippet<'_> {}

impl Diagnostic for Snippet<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, self.error.span.clone()))))
    }
}
