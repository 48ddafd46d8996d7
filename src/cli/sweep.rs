//! Many seeds: on as many threads as asked, with a bar for who waits, until done or interrupted.
//!
//! Next: `pages.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::explore::compare::{Comparison, compare};
use crate::explore::hunt::{self, Effort, Hunted, Sight, Watcher};
use crate::explore::seeds::Progress;
use crate::scenario::{Design, Scenario};

use super::exit::Failure;
use super::output::shows_progress;

/// The exit code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Runs sweeps, and ends them early when interrupted.
#[derive(Debug)]
pub struct Sweeper {
    pool: rayon::ThreadPool,
    stop: Arc<AtomicBool>,
}

impl Sweeper {
    /// With this many threads, or one a core; from now on, an interrupt ends the sweep under way, and a second one the
    /// program.
    pub fn new(threads: Option<u16>) -> Result<Sweeper, Failure> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from));
        let pool = builder.build().map_err(|error| Failure::Usage { message: error.to_string(), help: None })?;
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let handler = move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
        };
        // Without a handler an interrupt ends the program at once, which is the lesser loss.
        let _ = ctrlc::set_handler(handler);
        Ok(Sweeper { pool, stop })
    }

    /// Whether an interrupt came.
    pub fn is_interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Runs these designs on these seeds.
    pub fn sweep(&self, scenario: &Scenario, designs: &[&Design], seeds: &[u64]) -> Comparison {
        let bar = bar((designs.len() * seeds.len()) as u64, &scenario.name);
        let tick = || bar.inc(1);
        let progress = Progress { tick: Some(&tick), stop: Some(&self.stop) };
        let comparison = self.pool.install(|| compare(scenario, designs, seeds, &progress));
        bar.finish_and_clear();
        comparison
    }

    /// Hunts for failures of this design.
    pub fn hunt(&self, scenario: &Scenario, design: &Design, effort: Effort) -> Hunted {
        let bar = bar(effort.runs, &design.name);
        let sight = |sight: Sight| {
            bar.set_position(sight.runs);
            bar.set_message(format!("{}: {} features, {} failing", design.name, sight.features, sight.failing));
        };
        let watcher = Watcher { sight: Some(&sight), stop: Some(&self.stop) };
        let hunted = self.pool.install(|| hunt::hunt(scenario, design, effort, &watcher));
        bar.finish_and_clear();
        hunted
    }

    /// What ends long work when interrupted.
    pub fn watcher(&self) -> Watcher<'_> {
        Watcher { sight: None, stop: Some(&self.stop) }
    }
}

fn bar(runs: u64, name: &str) -> ProgressBar {
    if !shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg}  {bar:40}  {pos} of {len} runs, {eta} to go");
    let bar = ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr());
    bar.with_style(style.expect("the template is fixed").progress_chars("━━─")).with_message(name.to_string())
}
