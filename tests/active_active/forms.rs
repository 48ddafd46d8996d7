//! The forms: each active-active protocol with every choice of options that changes how copies become equal.

/// A design form.
pub struct Form {
    /// Its name: the protocol's, and what was chosen.
    pub name: String,
    /// The design, as a scenario has it.
    pub design: String,
    /// What its clients ask for.
    mix: &'static str,
    /// Whether it converges whatever clocks do.
    clocks_may_err: bool,
}

const REGISTERS: &str = "mix = { read = 1, write = 2 }";
const READ_FIRST: &str = "mix = { read = 1, write = 1, read_modify_write = 2 }";
const ROWS: &str = "mix = { read = 2, put = 2, put_column = 1 }";
const SWAPPED: &str = "mix = { read = 2, write = 2, compare_and_set = 1 }";

/// Every form.
pub fn all() -> Vec<Form> {
    let mut all = Vec::new();
    let mut add = |name: String, options: &str, mix, clocks_may_err| {
        let protocol = name.split(' ').next().unwrap_or_default();
        let design = format!("protocol = \"{protocol}\"\n{options}");
        all.push(Form { name, design, mix, clocks_may_err });
    };
    for clock in ["wall", "hybrid"] {
        let options = format!("clock = \"{clock}\"");
        add(format!("last-writer-wins {clock}"), &options, SWAPPED, clock == "wall");
    }
    for (name, options, clocks_may_err) in [
        ("hybrid value", "clock = \"hybrid\"\ntie = \"value\"", false),
        ("wall value", "clock = \"wall\"\ntie = \"value\"", true),
        ("client node", "stamps = \"client\"", false),
        ("client value", "stamps = \"client\"\ntie = \"value\"", false),
        ("client believed node", "stamps = \"client\"\nclock = \"wall\"", true),
        ("client believed value", "stamps = \"client\"\nclock = \"wall\"\ntie = \"value\"", true),
    ] {
        add(format!("last-writer-wins {name}"), options, SWAPPED, clocks_may_err);
    }
    for (name, options) in [
        ("rows column", "granularity = \"column\""),
        ("rows whole", "granularity = \"row\""),
        ("rows item-by-item", "ship = \"item-by-item\""),
        ("rows value", "tie = \"value\"\nstamps = \"client\""),
    ] {
        add(format!("last-writer-wins {name}"), options, ROWS, false);
    }
    for ship in ["at-once", "after-previous"] {
        add(format!("causal {ship}"), &format!("ship = \"{ship}\""), REGISTERS, false);
    }
    for moves in ["never", "on-use"] {
        let options = format!("moves = \"{moves}\"\nthreshold = 2");
        add(format!("home-region {moves}"), &options, SWAPPED, true);
    }
    let bounded = "reads = \"nearest\"\nmoves = \"on-use\"\nbound = { operations = 10, time = \"2s\" }";
    add("home-region bounded".into(), bounded, SWAPPED, true);
    let taken = "owner-unreachable = \"take-over\"\ntake-over-after = \"2500ms\"";
    add("home-region take-over".into(), taken, REGISTERS, true);
    for (reads, conflict) in [("strong", "retry"), ("strong", "reject"), ("local", "retry")] {
        let options = format!("reads = \"{reads}\"\nconflict = \"{conflict}\"");
        add(format!("caspaxos {reads} {conflict}"), &options, SWAPPED, true);
    }
    for acknowledge in ["tentative", "confirmed"] {
        let options = format!("acknowledge = \"{acknowledge}\"");
        add(format!("hub {acknowledge}"), &options, REGISTERS, true);
    }
    for vectors in ["dotted", "server"] {
        for resolver in ["client", "last-writer"] {
            let options = format!("vectors = \"{vectors}\"\nresolver = \"{resolver}\"");
            add(format!("siblings {vectors} {resolver}"), &options, READ_FIRST, true);
        }
    }
    for (what, mix) in [
        ("g-counter", "mix = { read = 1, add = 2 }"),
        ("pn-counter", "mix = { read = 1, add = 2, subtract = 2 }"),
        ("bounded-counter", "mix = { read = 1, add = 2, subtract = 2 }"),
        ("or-set", "mix = { read = 1, insert = 2, remove = 2 }\nitems = 4"),
        ("lww-register", REGISTERS),
        ("mv-register", REGISTERS),
        ("rga", "mix = { read = 1, insert = 2, remove = 2 }\nobjects = \"lists\""),
    ] {
        for transport in ["state", "delta", "operation"] {
            let options = format!("type = \"{what}\"\nship = \"{transport}\"");
            add(format!("crdt {what} {transport}"), &options, mix, true);
        }
    }
    all
}

/// Everything that can break and after which disks have what they said they had; clocks come on top.
const KINDS: &str = "crash = {}, torn-crash = {}, rolling-restart = {}, slow-disk = {}, pause = {}, isolate = {}, gateway-down = {}, \
                     partition = {}, one-way-partition = {}, bridge = {}, majority-minority = {}, flap = {}, loss = {}, \
                     corrupt = {}, duplicate = {}, reorder = {}, delay = {}, throttle = {}, gray = {}, load = {}, heal = {}";
const CLOCKS: &str = ", clock-step = {}, clock-drift = {}, clock-strobe = {}, clock-leap = {}";

impl Form {
    /// The form in a world of three regions, and in what breaks of itself there. It is quiet for so long at the end.
    pub fn text(&self, settle: &str, expect: &str) -> String {
        let clocks = if self.clocks_may_err { CLOCKS } else { "" };
        self.text_under(settle, &format!("{KINDS}{clocks}"), expect)
    }

    /// The same, where nothing else breaks than these.
    pub fn text_under(&self, settle: &str, kinds: &str, expect: &str) -> String {
        let Form { name, design, mix, .. } = self;
        // Of counters two nodes would add what a client asks of both, and nobody claims otherwise.
        let retries = if mix.contains("add") { "" } else { "retry_after = \"700ms\"" };
        format!(
            r#"
name = "{name}"
duration = "12s"
settle = "{settle}"
[disk]
sync = ["1ms", "20ms"]
[topology]
regions = ["us", "eu", "ap"]
clock = [{{ region = "eu/client", offset = "-300ms" }}, {{ region = "ap/client", offset = "200ms" }}]
link = [
    {{ from = "us", to = "eu", rtt = "80ms" }},
    {{ from = "us", to = "ap", rtt = "150ms" }},
    {{ from = "eu", to = "ap", rtt = "200ms" }},
]
[workload]
clients_per_region = 2
rate = "10/s"
keys = 5
{mix}
timeout = "2s"
warm_up = "500ms"
{retries}
[chaos]
from = "500ms"
until = "11s"
every = "1500ms"
for = ["100ms", "5s"]
at_once = 2
swarm = true
kinds = {{ {kinds} }}
[design.form]
{design}
[expect]
{expect}
"#
        )
    }
}
