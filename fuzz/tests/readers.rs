//! Each reader on broken texts.

use std::sync::atomic::{AtomicU64, Ordering};

use bolero::check;
use riftzone::judge::{Format, TransactionFormat};
use riftzone_fuzz::{Script, Subject, exercise};

/// Every well-formed text can be read, and no script makes a reader panic. How many could be read is told.
macro_rules! readers {
    ($($name:ident: $subject:expr;)*) => {$(
        #[test]
        fn $name() {
            let subject = $subject;
            let texts = subject.texts();
            for text in &texts[1..] {
                assert!(exercise(subject, text), "{text}");
            }
            let tally = Tally { name: stringify!($name), inputs: AtomicU64::new(0), read: AtomicU64::new(0) };
            check!().with_type::<Script>().for_each(|script: &Script| tally.count(exercise(subject, &script.text(&texts))));
        }
    )*};
}

readers! {
    jepsen_edn: Subject::Operations(Format::JepsenEdn);
    jepsen_json: Subject::Operations(Format::JepsenJson);
    jepsen_log: Subject::Operations(Format::JepsenLog);
    json_lines: Subject::Operations(Format::JsonLines);
    elle_edn: Subject::Transactions(TransactionFormat::ElleEdn);
    elle_json: Subject::Transactions(TransactionFormat::ElleJson);
    plume: Subject::Transactions(TransactionFormat::Plume);
    awdit: Subject::Transactions(TransactionFormat::Awdit);
    dbcop: Subject::Transactions(TransactionFormat::Dbcop);
    any_history: Subject::Any;
    scenario: Subject::Scenario;
}

/// How many inputs there were, told at the end.
struct Tally {
    name: &'static str,
    inputs: AtomicU64,
    read: AtomicU64,
}

impl Tally {
    fn count(&self, was_read: bool) {
        self.inputs.fetch_add(1, Ordering::Relaxed);
        self.read.fetch_add(u64::from(was_read), Ordering::Relaxed);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let [inputs, read] = [&self.inputs, &self.read].map(|count| count.load(Ordering::Relaxed));
        eprintln!("{}: {inputs} inputs, {read} of them could be read", self.name);
    }
}
