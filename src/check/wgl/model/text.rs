//! A string that grows: the key-value store of Porcupine's `kv`, one key of it. Next: `counter.rs`.

use crate::check::wgl::Model;

/// A string, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text;

/// What a string is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextInput {
    /// What are you?
    Get,
    /// Be this.
    Put(String),
    /// Be longer by this.
    Append(String),
}

/// What a string answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextOutput {
    /// This is what it is.
    Got(String),
    /// It is as asked.
    Done,
}

impl Model for Text {
    type State = String;
    type Input = TextInput;
    type Output = TextOutput;

    fn initial(&self) -> String {
        String::new()
    }

    fn step(&self, state: &String, input: &TextInput, output: Option<&TextOutput>) -> Option<String> {
        match (input, output) {
            (TextInput::Get, None) => Some(state.clone()),
            (TextInput::Get, Some(TextOutput::Got(seen))) => (seen == state).then(|| state.clone()),
            (TextInput::Put(text), None | Some(TextOutput::Done)) => Some(text.clone()),
            (TextInput::Append(text), None | Some(TextOutput::Done)) => Some([state.as_str(), text].concat()),
            _ => None,
        }
    }

    fn observes(&self, input: &TextInput, _: Option<&TextOutput>) -> bool {
        matches!(input, TextInput::Get)
    }

    fn can_answer(&self, state: &String, input: &TextInput, output: Option<&TextOutput>) -> bool {
        match (input, output) {
            (TextInput::Get, Some(TextOutput::Got(seen))) => seen == state,
            (TextInput::Get, None) => true,
            (_, output) => !matches!(output, Some(TextOutput::Got(_))),
        }
    }
}
