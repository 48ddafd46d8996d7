//! Every mistake, what is said to it, and where.

use super::SMALL;
use crate::scenario::Scenario;

/// What is put in place of what in [`SMALL`] (or behind it, where nothing is replaced), and what is said to it.
const MISTAKES: &[(&str, &str, &str)] = &[
    // The file itself.
    ("duration = \"1min\"", "duration = 1min", "2:12: "),
    ("name = \"small\"", "name = \"small\"\nname = \"big\"", "2:1: duplicate key"),
    ("duration", "durration", "2:1: unknown key `durration`\n  help: did you mean `duration`?"),
    ("name = \"small\"\n", "", "1:1: `name` is missing"),
    ("\"small\"", "7", "1:8: expected a string, found integer `7`\n  help: write it in quotes"),
    ("\"1min\"", "60", "2:12: expected a string, found integer `60`\n  help: write it in quotes and with its unit"),
    ("\"1min\"", "\"60\"", "2:12: `60` is not a duration: its unit is missing"),
    ("\"1min\"", "\"0s\"", "2:12: clients ask for longer than no time at all"),
    ("[workload]\nrate = \"10/s\"\n", "", "1:1: `[workload]` is missing"),
    // Rows and sequences.
    ("\"10/s\"", "\"10/s\"\ncolumns = 3", "10:11: `columns` are what rows are of, and there are none"),
    ("\"10/s\"", "\"10/s\"\nmix = { put = 1 }\ncolumns = 5", "11:11: a row has 1 to 4 columns"),
    (
        "\"10/s\"",
        "\"10/s\"\nmix = { put = 1, write = 1 }",
        "10:7: `put` is not asked of registers, and all keys are alike",
    ),
    ("\"10/s\"", "\"10/s\"\nobjects = \"sequences\"\nmix = { put = 1 }", "11:7: `put` is not asked of sequences"),
    // Topology.
    ("regions = [\"a\", \"b\"]\n", "", "4:1: `regions` is missing"),
    ("[\"a\", \"b\"]", "[]", "5:11: a topology has 1 to 256 regions"),
    ("[\"a\", \"b\"]", "\"a\"", "5:11: expected an array, found string \"a\""),
    ("[\"a\", \"b\"]", "[\"a\", \"b\", \"a\"]", "5:22: `a` is named twice"),
    ("[\"a\", \"b\"]", "[\"a\", \"leader\"]", "5:17: `leader` cannot be a region's name"),
    (
        "[\"a\", \"b\"]",
        "[\"a\", \"b\", \"c\"]",
        "5:11: no delay is given from `a` to `c`\n  help: add `[[topology.link]]`",
    ),
    ("to = \"b\"", "to = \"bb\"", "6:28: no region is called `bb`\n  help: did you mean `b`? the regions are `a`, `b`"),
    (
        "rtt =",
        "rt =",
        "6:33: unknown key `rt`\n  help: did you mean `rtt`? the keys are `from`, `to`, `one_way`, `rtt`, `distribution`",
    ),
    (", rtt = \"30ms\"", "", "6:9: a link needs `one_way` or `rtt`"),
    ("\"30ms\"", "\"30ms\", one_way = \"15ms\"", "6:39: a link has `one_way` or `rtt`, not both"),
    ("\"30ms\"", "[\"30ms\"]", "6:39: expected a duration such as \"30ms\", or two: [\"30ms\", \"40ms\"], found 1"),
    ("\"30ms\"", "[\"3ms\", \"2ms\"]", "6:39: the longer delay comes first"),
    ("\"30ms\"", "30", "6:39: expected a duration such as \"30ms\", or two"),
    (" }]", " }, { from = \"b\", to = \"a\", rtt = \"9ms\" }]", "6:49: the link from `b` to `a` has a delay already"),
    (" }]", ", bandwidth = \"1\" }]", "6:59: `1` is not a bandwidth: write for example \"1Gbit/s\""),
    (" }]", ", bandwidth = \"0bit/s\" }]", "6:59: `0bit/s` is no bandwidth: nothing would ever leave"),
    (
        " }]",
        " }, { from = \"a\", to = \"a\", bandwidth = \"1bit/s\" }]",
        "6:85: a bandwidth is that of a link between two regions",
    ),
    (
        " }]",
        ", bandwidth = \"1bit/s\" }, { from = \"b\", to = \"a\", bandwidth = \"1bit/s\" }]",
        "6:71: the link from `b` to `a` has a bandwidth already",
    ),
    (
        "\"30ms\"",
        "[\"1ms\", \"2ms\"], distribution = \"exponential\"",
        "6:39: an exponential distribution has one duration",
    ),
    (", rtt = \"30ms\"", ", distribution = \"exponential\"", "6:9: a link needs `one_way` or `rtt`"),
    (" }]", ", both = false }]", "5:11: no delay is given from `b` to `a`"),
    (
        "[topology]",
        "[topology]\nmatrix = \"aws-2025\"",
        "5:10: there is no latency matrix `aws-2025`\n  help: did you mean `aws-2025-07`?",
    ),
    (
        "regions = [\"a\", \"b\"]\nlink",
        "matrix = \"aws-2025-07\"\nregions = [\"us-east-1\", \"eu-wets-1\"]\n#",
        "6:25: the matrix has no region `eu-wets-1`\n  help: did you mean `eu-west-1`?",
    ),
    (
        "[topology]",
        "[topology]\njitter = \"measured\"",
        "5:10: `jitter` says how a matrix is used, and there is no `matrix`",
    ),
    (
        "[topology]",
        "[topology]\njitter = \"meaured\"",
        "5:10: unknown word `meaured`\n  help: did you mean `measured`? the words are `measured`, `none`",
    ),
    ("[topology]", "[topology]\nclock = [{ region = \"a\", drift_ppm = 1e6 }]", "5:38: a clock drifts by less"),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a\", offset = \"-5\" }]",
        "5:35: `5` is not a duration: its unit is missing",
    ),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a\" }, { region = \"a\" }]",
        "5:39: the clock of `a` is set twice",
    ),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a/client\" }, { region = \"a/client\" }]",
        "5:46: the clock of `a/client` is set twice",
    ),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a/clients\" }]",
        "5:21: no role is called `clients`\n  help: did you mean `client`? the roles are `replica`, `witness`, `monitor`, `client`",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nclock_step = { nodes = [\"a/client\"], by = \"1s\" }",
        "15:25: no role is called `client`",
    ),
    // Service times, and the faults that need them.
    (
        "[workload]",
        "[service]\n[workload]",
        "8:1: nothing takes any time\n  help: give one of `read`, `write`, `message`",
    ),
    ("[workload]", "[service]\nraed = \"1ms\"\n[workload]", "9:1: unknown key `raed`\n  help: did you mean `read`?"),
    ("[workload]", "[service]\nread = \"1ms\"\ncores = 0\n[workload]", "10:9: a node has 1 to 1024 cores"),
    ("[workload]", "[service]\nread = \"1\"\n[workload]", "9:8: `1` is not a duration: its unit is missing"),
    (
        "[workload]",
        "[service]\nread = \"1ms\"\nwhen_full = \"drop\"\n[workload]",
        "10:13: `when_full` says what becomes of a `queue`'s rest, and there is none",
    ),
    (
        "[workload]",
        "[service]\nread = \"1ms\"\ncold = { factor = \"x8\", warms_in = \"0s\" }\n[workload]",
        "10:36: a cache that warms at once is never cold",
    ),
    (
        "[workload]",
        "[service]\nread = \"1ms\"\nregion = [{ name = \"a\", standby = { capacity = \"100%\" } }]\n[workload]",
        "10:48: a standby has a part of its capacity: more than 0 %, less than 100 %",
    ),
    (
        "[workload]",
        "[service]\nread = \"1ms\"\nregion = [{ name = \"a\", standby = { capacty = \"1%\" } }]\n[workload]",
        "10:37: unknown key `capacty`\n  help: did you mean `capacity`?",
    ),
    (
        "[workload]",
        "[service]\nread = \"1ms\"\nregion = [{ name = \"aa\", cores = 2 }]\n[workload]",
        "10:20: no region is called `aa`",
    ),
    (
        "",
        "\n[[fault]]\nat = \"1s\"\nslow = { factor = \"x2\", nodes = [\"a\"] }\n",
        "16:8: without `[service]` nothing takes a node's time",
    ),
    ("", "\n[[fault]]\nat = \"1s\"\nload = { factor = \"x1\" }\n", "16:19: `x1` makes nothing longer"),
    (
        "rate = \"10/s\"",
        "think = \"1s\"\n[[fault]]\nat = \"1s\"\nload = { factor = \"x2\" }",
        "12:8: clients that `think` wait for their answers: `load` is for a `rate`",
    ),
    // Retries.
    (
        "rate = \"10/s\"",
        "rate = \"10/s\"\nretry_after = \"1s\"\nretry = { attempts = 2 }",
        "10:15: a workload has `retry_after` or `retry`, not both",
    ),
    ("rate = \"10/s\"", "rate = \"10/s\"\nretry = { attempts = 0 }", "10:22: an operation makes at least one attempt"),
    (
        "rate = \"10/s\"",
        "rate = \"10/s\"\nretry = { attempt_timeout = \"3s\" }",
        "10:29: `attempt_timeout` is shorter than `timeout`, or nothing is ever asked again",
    ),
    (
        "rate = \"10/s\"",
        "rate = \"10/s\"\nretry = { backoff = \"1s\", backoff_max = \"10ms\" }",
        "10:41: `backoff_max` is at least `backoff`, which is 1s",
    ),
    (
        "rate = \"10/s\"",
        "rate = \"10/s\"\nretry = { budget = { ratio = \"10%\", burst = 0 } }",
        "10:45: a bucket that holds no token gives none",
    ),
    // Workload.
    ("rate = \"10/s\"", "", "8:1: a workload needs `rate` or `think`"),
    ("rate", "ratio", "9:1: unknown key `ratio`\n  help: did you mean `rate`?"),
    ("\"10/s\"", "\"10\"", "9:8: `10` is not a rate: write for example \"50/s\""),
    ("\"10/s\"", "\"10/s\"\nthink = \"1s\"", "10:9: a workload has `rate` or `think`, not both"),
    (
        "rate = \"10/s\"",
        "think = \"1s\"\narrivals = \"paced\"",
        "10:12: `arrivals` says how the operations of a `rate` come",
    ),
    ("\"10/s\"", "\"10/s\"\narrivals = \"fast\"", "10:12: unknown word `fast`"),
    ("\"10/s\"", "\"10/s\"\nclients = { c = 1 }", "10:13: no region is called `c`\n  help: the regions are `a`, `b`"),
    ("\"10/s\"", "\"10/s\"\nclients = { a = 0 }", "10:11: no region has a client"),
    (
        "\"10/s\"",
        "\"10/s\"\nclients = { a = -1 }",
        "10:17: expected a whole number from 0 to 4294967295, found integer `-1`",
    ),
    (
        "\"10/s\"",
        "\"10/s\"\nclients = { a = 1 }\nclients_per_region = 1",
        "10:11: a workload has `clients_per_region` or `clients`, not both",
    ),
    ("\"10/s\"", "\"10/s\"\nkeys = 0", "10:8: a workload has 1 to 10000000 keys"),
    (
        "\"10/s\"",
        "\"10/s\"\npopularity = \"zipf\"",
        "10:14: expected a table with a value for the word, found the word alone",
    ),
    ("\"10/s\"", "\"10/s\"\npopularity = { zipff = 1 }", "10:16: unknown word `zipff`\n  help: did you mean `zipf`?"),
    ("\"10/s\"", "\"10/s\"\npopularity = { zipf = nan }", "10:23: a Zipf exponent is at least zero"),
    (
        "\"10/s\"",
        "\"10/s\"\nkeys = 1\naffinity = \"90%\"",
        "11:12: 1 keys are too few for each of 2 regions to have its own",
    ),
    ("\"10/s\"", "\"10/s\"\nmix = { read = 0 }", "10:7: the mix has no operation"),
    ("\"10/s\"", "\"10/s\"\nmix = { reads = 1 }", "10:9: unknown key `reads`\n  help: did you mean `read`?"),
    ("\"10/s\"", "\"10/s\"\nmix = 8", "10:7: expected a table such as { read = 8, write = 2 }, found integer `8`"),
    ("\"10/s\"", "\"10/s\"\ntimeout = \"0s\"", "10:11: `timeout` is longer than no time at all"),
    ("\"10/s\"", "\"10/s\"\nretry_after = \"2s\"", "10:15: `retry_after` is shorter than `timeout`"),
    ("\"10/s\"", "\"10/s\"\nwarm_up = \"1min\"", "10:11: nothing would be asked"),
    ("\"10/s\"", "\"10/s\"\noperations_per_client = 5", "10:25: `operations_per_client` is for a closed loop"),
    ("rate = \"10/s\"\n", "think = \"0s\"\n[topology]\nlocal_rtt = \"0s\"\n#", "10:2: duplicate key"),
    (
        "[topology]",
        "[disk]\nsyncc = \"1ms\"\n[topology]",
        "5:1: unknown key `syncc`\n  help: did you mean `sync`? the keys are `sync`",
    ),
    // Faults.
    ("", "[[fault]]\nheal = true", "13:1: `at` is missing"),
    // Clocks.
    ("[topology]", "[topology]\nclock = [{ region = \"leader\" }]", "5:21: a clock is a region's"),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a\", offset = [\"5ms\", \"-5ms\"] }]",
        "5:35: the greater offset comes first",
    ),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a\", drift_ppm = [1, 0] }]",
        "5:38: the greater drift comes first",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nclock_step = { nodes = [\"a\"], by = \"0s\" }",
        "15:36: the clocks would be as right as before",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nclock_drift = { nodes = [\"a\"], ppm = 1e7 }",
        "15:38: a clock drifts by less than a million parts in a million",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nclock_strobe = { nodes = [\"a\"], by = \"1s\", every = \"1us\" }",
        "15:52: a turn of a strobe takes 1ms or longer",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nclock_leap = { nodes = [\"a\"], smear = \"1s\" }",
        "15:39: a second is smeared over longer than a second",
    ),
    // Disks.
    (
        "[topology]",
        "[disk]\nsync = { median = \"1ms\" }\n[topology]",
        "5:8: a scattered time is `exponential` alone, or `median` and `p99`\n  help: for example",
    ),
    (
        "[topology]",
        "[disk]\nsync = { median = \"9ms\", p99 = \"9ms\" }\n[topology]",
        "5:8: `median` is longer than no time, and `p99` longer than `median`",
    ),
    ("[topology]", "[disk]\nsync = 1\n[topology]", "5:8: expected a duration such as \"1ms\", two of them, or a table"),
    ("[topology]", "[disk]\nsync = \"1\"\n[topology]", "5:8: `1` is not a duration: its unit is missing"),
    (
        "[topology]",
        "[disk]\npolicy = \"allways\"\n[topology]",
        "5:10: unknown word `allways`\n  help: did you mean `always`?",
    ),
    (
        "[topology]",
        "[disk]\npolicy = { interval = \"0s\" }\n[topology]",
        "5:23: a disk is synced every 1ms or less often\n  help: `policy = \"always\"` syncs at once",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nslow_disk = { nodes = [\"a\"], factor = \"x5\" }",
        "15:39: syncs take no time, and no factor makes them slow\n  help: give `add`, or for example `[disk]`",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nrolling_restart = { nodes = [\"a\"], down = \"0s\", gap = \"1s\" }",
        "15:43: a node that restarts is down for a while",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nwipe = [\"b\", \"bb\"]",
        "15:14: no region is called `bb`\n  help: did you mean `b`?",
    ),
    ("", "[[fault]]\nat = \"1s\"\nslow_disk = { nodes = [\"a\"] }", "15:13: a slow disk needs `factor` or `add`"),
    ("", "[[fault]]\nat = \"1s\"\nslow_disk = { nodes = [\"a\"], add = \"0s\" }", "15:36: no sync would take longer"),
    (
        "",
        "[disk]\nsync = \"1ms\"\n[[fault]]\nat = \"1s\"\nslow_disk = { nodes = [\"a\"], add = \"1s\", factor = \"x5\" }",
        "17:36: a slow disk has `factor` or `add`, not both",
    ),
    ("", "[[fault]]\nat = \"1s\"", "13:1: the fault does not say what it does\n  help: give one of `crash`"),
    ("", "[[fault]]\nat = \"1s\"\nisolated = [\"a\"]", "15:1: unknown key `isolated`\n  help: did you mean `isolate`?"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nheal = true\ncrash = [\"a\"]",
        "16:9: a fault does one thing, and this one has `heal` and `crash`",
    ),
    (
        "",
        "[[fault]]\nat = \"1min\"\nheal = true",
        "14:6: the fault would begin after the end\n  help: `duration` is 1min",
    ),
    ("", "[[fault]]\nat = \"1s\"\nfor = \"0s\"\ncrash = [\"a\"]", "15:7: a fault lasts longer than no time at all"),
    ("", "[[fault]]\nat = \"1s\"\nfor = \"1s\"\nheal = true", "15:7: a heal is over at once"),
    ("", "[[fault]]\nat = \"1s\"\nheal = false", "15:8: a heal is `heal = true`"),
    ("", "[[fault]]\nat = \"1s\"\ncrash = []", "15:9: the fault is aimed at nothing"),
    ("", "[[fault]]\nat = \"1s\"\ncrash = [\"a\", \"a\"]", "15:15: `a` is named twice"),
    (
        "",
        "[[fault]]\nat = \"1s\"\ncrash = [\"laeder\"]",
        "15:10: no region is called `laeder`\n  help: did you mean `leader`? the targets are `a`, `b`, `leader`",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\ncrash = [\"a/montior\"]",
        "15:10: no role is called `montior`\n  help: did you mean `monitor`? the roles are `replica`, `witness`, `m",
    ),
    ("", "[[fault]]\nat = \"1s\"\npartition = [[\"a\", \"b\"]]", "15:13: a partition has at least two sides"),
    ("", "[[fault]]\nat = \"1s\"\npartition = [[\"a\"], [\"b\", \"a\"]]", "15:27: `a` is on two sides"),
    ("", "[[fault]]\nat = \"1s\"\ncut = [[\"a\", \"b\", \"a\"]]", "15:8: a link is two names"),
    ("", "[[fault]]\nat = \"1s\"\ncut = [[\"a\", \"a\"]]", "15:14: a link has two ends"),
    ("", "[[fault]]\nat = \"1s\"\ncut_one_way = []", "15:15: the fault is aimed at no link"),
    ("", "[[fault]]\nat = \"1s\"\nloss = { ratio = \"101%\" }", "15:18: `101%` is more than everything"),
    ("", "[[fault]]\nat = \"1s\"\nloss = { ratio = 0.1 }", "15:18: expected a string, found floating point `0.1`"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nloss_but = [[\"2s\", \"a\"]]",
        "15:13: a message is when it was sent, from where and to where",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nloss_but = [[\"2s\", \"a\", \"b\", \"0\"]]",
        "15:30: `0` is not which of the messages",
    ),
    ("", "[[fault]]\nat = \"1s\"\nloss_but = [[\"a\", \"a\", \"b\"]]", "15:14: `a` is not a duration"),
    ("", "[[fault]]\nat = \"1s\"\nloss_but = [[\"2s\", \"a\", \"bb\"]]", "15:25: no region is called `bb`"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nloss_but = [[\"9ms\", \"a\", \"b\"]]",
        "15:13: this was sent before the fault begins\n  help: ",
    ),
    ("", "[[fault]]\nat = \"1s\"\nloss = { ratio = \"0%\" }", "15:18: nothing would be lost"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nduplicat = { ratio = \"1%\" }",
        "15:1: unknown key `duplicat`\n  help: did you mean `duplicate`?",
    ),
    ("", "[[fault]]\nat = \"1s\"\nduplicate = { ratio = \"0%\" }", "15:23: nothing would be repeated"),
    ("", "[[fault]]\nat = \"1s\"\ncorrupt = { ratio = \"0%\" }", "15:21: nothing would be damaged"),
    ("", "[[fault]]\nat = \"1s\"\ncorrupt = \"1%\"", "15:11: expected a table such as { ratio = \"1%\" }"),
    (
        "",
        "[[fault]]\nat = \"1s\"\ncorrupt = { ratio = \"1%\", links = [[\"a\", \"bb\"]] }",
        "15:42: no region is called `bb`\n  help: ",
    ),
    ("", "[[fault]]\nat = \"1s\"\nreorder = { ratio = \"0%\", extra = \"1s\" }", "15:21: nothing would be held up"),
    ("", "[[fault]]\nat = \"1s\"\nreorder = { ratio = \"1%\", extra = \"0s\" }", "15:35: nothing would be held up"),
    ("", "[[fault]]\nat = \"1s\"\nreorder = { ratio = \"1%\" }", "15:11: `extra` is missing"),
    // Zones and gateways.
    ("[topology]", "[topology]\nzones = 0", "5:9: a region has 1 to 26 zones"),
    ("[topology]", "[topology]\nzone_rtt = \"1ms\"", "5:12: `zone_rtt` is between `zones`, and there are none"),
    (
        "",
        "[[fault]]\nat = \"1s\"\ncrash = [\"a/b\"]",
        "15:10: there is no zone `b`: a region has 1, and the last is `a`",
    ),
    ("", "[[fault]]\nat = \"1s\"\ngateway_down = [\"a/monitor\"]", "15:17: a gateway is that of a whole region"),
    ("", "[[fault]]\nat = \"1s\"\ngateway_down = []", "15:16: the fault is aimed at nothing"),
    // Transport.
    ("", "[transport]\nkind = \"strean\"", "14:8: unknown word `strean`\n  help: did you mean `stream`?"),
    ("", "[transport]\nwindow = \"64KiB\"", "13:1: `kind` is missing"),
    (
        "",
        "[transport]\nkind = \"datagram\"\nwindow = \"64KiB\"",
        "15:10: datagrams have no connection: `window` is for a `stream`",
    ),
    ("", "[transport]\nkind = \"stream\"\nwindow = \"64\"", "15:10: `64` is not a size: write for example \"64KiB\""),
    ("", "[transport]\nkind = \"stream\"\nwindow = \"0B\"", "15:10: nothing would ever be under way"),
    ("", "[transport]\nkind = \"stream\"\nbuffer = 0", "15:10: a buffer has room for 1 to 1000000 messages"),
    ("", "[transport]\nkind = \"stream\"\nrto_min = \"0s\"", "15:11: `rto_min` is 1ms or longer"),
    ("", "[transport]\nkind = \"stream\"\nrto_max = \"100ms\"", "15:11: the longest timeout is shorter than the least"),
    ("", "[[fault]]\nat = \"1s\"\nthrottle = {}", "15:12: `bandwidth` is missing"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nthrottle = { bandwidth = \"1MB/s\" }",
        "15:26: `1MB/s` is not a bandwidth: write for example \"1Gbit/s\"",
    ),
    ("", "[[fault]]\nat = \"1s\"\ndelay = {}", "15:9: a delay needs `slow` or `add`"),
    ("", "[[fault]]\nat = \"1s\"\ndelay = { slow = \"x2\", add = \"1s\" }", "15:30: a delay has `slow` or `add`"),
    ("", "[[fault]]\nat = \"1s\"\ndelay = { add = \"0s\" }", "15:17: nothing would take longer"),
    ("", "[[fault]]\nat = \"1s\"\ndelay = { slow = \"3\" }", "15:18: `3` is not a factor: write for example \"x3\""),
    ("", "[[fault]]\nat = \"1s\"\ndelay = { slow = \"x1\" }", "15:18: `x1` makes nothing longer"),
    (
        "",
        "[[fault]]\nat = \"1s\"\ndelay = { slwo = \"x2\" }",
        "15:11: unknown key `slwo`\n  help: did you mean `slow`? the keys are `slow`, `add`, `ramp`, `links`",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nflap = { links = [[\"a\", \"b\"]], up = \"1s\", down = \"1us\" }",
        "15:50: a turn of a flap takes 1ms or longer",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nflap = { links = [], up = \"1s\", down = \"1s\" }",
        "15:18: the fault is aimed at no",
    ),
    ("", "[[fault]]\nat = \"1s\"\nbridge = [\"a\", \"b\"]", "15:10: the shape has 3 regions or more"),
    ("", "[[fault]]\nat = \"1s\"\nring = [\"a\", \"b\"]", "15:8: the shape has 4 regions or more"),
    ("", "[[fault]]\nat = \"1s\"\nring = [\"a\", \"leader\"]", "15:14: a shape has no place for `leader`"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nevery = \"5s\"\ncrash = [\"a\"]",
        "15:9: a fault begins again only after it has ended\n  help: give `for`",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nfor = \"5s\"\nevery = \"5s\"\ncrash = [\"a\"]",
        "16:9: a fault begins again only after it has ended",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\nfor = \"1ms\"\nevery = \"2ms\"\ncrash = [\"a\"]",
        "16:9: the fault would begin more than 1000 times",
    ),
    ("", "[fault]\nat = \"1s\"", "13:1: faults are a list: write `[[fault]]`"),
    // Designs.
    ("[design.x]\nprotocol = \"last-writer-wins\"\n", "", "1:1: `[design]` is missing"),
    ("protocol", "protocl", "11:1: `protocol` is missing\n  help: the protocols are"),
    (
        "\"last-writer-wins\"",
        "\"last-write-wins\"",
        "12:12: no protocol is called `last-write-wins`\n  help: did you mean `last-writer-wins`?",
    ),
    (
        "wins\"",
        "wins\"\ngossip-evry = \"1s\"",
        "13:1: unknown key `gossip-evry`\n  help: did you mean `gossip-every`? the keys are `gossip-every`",
    ),
    ("wins\"", "wins\"\nreplica = [\"a\"]", "13:1: unknown key `replica`\n  help: did you mean `replicas`?"),
    ("wins\"", "wins\"\ngossip-every = 1", "13:16: expected a string, found integer `1`"),
    ("wins\"", "wins\"\ngossip-every = \"0s\"", "13:16: `gossip-every`: "),
    ("wins\"", "wins\"\nreplicas = [\"c\"]", "13:13: no region is called `c`"),
    ("wins\"", "wins\"\nreplicas = [\"b\", \"b\"]", "13:18: `b` is named twice"),
    ("wins\"", "wins\"\nreplicas = []", "13:12: a design has at least one region"),
    ("wins\"", "wins\"\ngroups = 0", "13:10: a design has at least one group"),
    ("wins\"", "wins\"\ngroups = 40000", "13:10: 40000 groups of 2 nodes are more than 65535 nodes"),
    ("design.x]", "design.\"x y\"]", "11:9: `x y` cannot be a design's name"),
    ("design.x]", "design.rto_s]", "11:9: `rto_s` is what is measured, and cannot be a design's name"),
    ("[design.x]", "[design]\ny = 1\n[design.x]", "12:5: a design is a table with a `protocol`"),
    ("[design.x]\nprotocol = \"last-writer-wins\"\n", "[design]", "11:1: a scenario has at least one `[design.NAME]`"),
    ("[topology]", "[topologie]", "4:2: unknown key `topologie`\n  help: did you mean `topology`?"),
    (
        "[workload]\nrate = \"10/s\"",
        "[[workload]]\nrate = \"10/s\"",
        "8:1: expected a table with `rate` or `think`, found an array",
    ),
    ("\"10/s\"", "\"10/s\"\nmix = [8, 2, 0]", "10:7: expected a table such as"),
    // Expectations.
    (
        "",
        "[expect]\navailabilty = 1",
        "14:1: `availabilty` is no metric, no guarantee, no level and no design\n  help: did you mean `availability`?",
    ),
    (
        "",
        "[expect]\nlinearisable = \"pass\"",
        "14:1: `linearisable` is no metric, no guarantee, no level and no design\n  help: did you mean `linearizable`?",
    ),
    (
        "",
        "[expect.xx]\nconflicts = 0",
        "13:9: `xx` is no metric, no guarantee, no level and no design\n  help: did you mean `x`?",
    ),
    (
        "",
        "[expect]\ncausl = \"pass\"",
        "14:1: `causl` is no metric, no guarantee, no level and no design\n  help: did you mean `causal`?",
    ),
    (
        "",
        "[expect]\nmonotonic_read = \"pass\"",
        "14:1: `monotonic_read` is no metric, no guarantee, no level and no design\n  help: did you mean `monotonic-reads`?",
    ),
    (
        "",
        "[expect]\n\"k-atomic:0\" = \"pass\"",
        "14:1: nothing can be expected of `k-atomic:0`: `k-atomic` has a whole",
    ),
    ("", "[expect]\n\"bounded-staleness:5\" = \"pass\"", "14:1: nothing can be expected of `bounded-staleness:5`"),
    (
        "",
        "[expect]\nserializable = \"pass\"",
        "14:1: nothing can be expected of `serializable`: `serializable` is not shown by operations on single keys",
    ),
    ("", "[expect]\ncausal = 1", "14:10: expected a verdict, found a number"),
    ("", "[expect]\ncausal = { mean = \"pass\" }", "14:12: unknown key `mean`"),
    ("", "[expect]\nk-atomic:2 = \"pass\"", "14:9: invalid unquoted key"),
    ("", "[design.causal]\nprotocol = \"raft\"", "13:9: `causal` is what is measured"),
    ("", "[expect]\nx = 1", "14:5: `x` is a design: what is expected of it is a table, `[expect.x]`"),
    ("", "[expect]\n\"availability/c\" = 1", "14:1: no region is called `c`\n  help: the regions are `a`, `b`"),
    ("", "[expect]\n\"rpo_s/a\" = 1", "14:1: `rpo_s` is of the whole run"),
    ("", "[expect]\navailability = \">= 99\"", "14:16: 99 is not from 0 to 1: write 99% or 0.99"),
    ("", "[expect]\navailability = 99", "14:16: 99 is not from 0 to 1"),
    ("", "[expect]\nrto_s = \"fast\"", "14:9: `fast` is not a number with a unit\n  help: for example \"<= 30s\""),
    ("", "[expect]\nrto_s = true", "14:9: expected a number or a bound, found a boolean"),
    ("", "[expect]\nrto_s = inf", "14:9: the number is out of range"),
    ("", "[expect]\nconflicts = -1", "14:13: -1 is below zero"),
    ("", "[expect]\nrto_s = { medain = \"1s\" }", "14:11: unknown key `medain`\n  help: did you mean `median`?"),
    ("", "[expect]\nrto_s = {}", "14:9: nothing is expected"),
    (
        "",
        "[expect]\nconvergence = \"passes\"",
        "14:15: unknown verdict `passes`\n  help: did you mean `pass`? the verdicts are `pass`, `fail`",
    ),
    (
        "",
        "[expect]\nconvergence = { max = \"pass\" }",
        "14:17: unknown key `max`\n  help: the keys are `every`, `some`",
    ),
    // Random faults.
    ("", "[chaos]\nevery = \"1us\"", "14:9: faults begin 1ms apart or more, on average"),
    ("", "[chaos]\nfrom = \"1min\"", "14:8: no fault would begin before the end"),
    ("", "[chaos]\nfrom = \"9s\"\nuntil = \"9s\"", "15:9: `until` is after `from`, which is 9s"),
    ("", "[chaos]\nfor = \"0s\"", "14:7: a random fault lasts 1ms or longer"),
    ("", "[chaos]\nmost = 0", "14:8: give 1 to 1000 faults"),
    ("", "[chaos]\nkinds = { crsh = {} }", "14:11: `crsh` is no random fault\n  help: did you mean `crash`?"),
    ("", "[chaos]\nkinds = { bridge = {} }", "14:11: 2 regions are too few for `bridge`"),
    ("", "[chaos]\nkinds = { slow = {} }", "14:11: without `[service]` nothing takes a node's time"),
    ("", "[chaos]\nkinds = { heal = {} }", "14:9: nothing would ever break"),
    ("", "[expect]\nconvergence = 1", "14:15: expected a verdict, found a number"),
    // Budgets.
    ("", "[budget]\nrto = \"2%\"", "14:1: `rto` is no metric and no design\n  help: did you mean `rto_s`?"),
    (
        "",
        "[budget]\nworse_then_baseline = \"2%\"",
        "14:1: `worse_then_baseline` is no metric and no design\n  help: did you mean `worse_than_baseline`?",
    ),
    ("", "[budget]\nworse_than_baseline = \"2\"", "14:23: `worse_than_baseline` is of metrics with many units"),
    ("", "[budget]\nworse_than_baseline = 2", "14:23: `worse_than_baseline` is of metrics with many units"),
    ("", "[budget]\nworse_than_baseline = \"x%\"", "14:23: `x%` is not a percentage\n  help: for example \"2%\""),
    ("", "[budget]\nrto_s = \"-2%\"", "14:9: `-2%` is not a percentage"),
    ("", "[budget]\nrto_s = \"2B\"", "14:9: "),
    ("", "[budget]\nrto_s = -1", "14:9: -1 is below zero"),
    ("", "[budget]\nrto_s = true", "14:9: expected how much worse it may be"),
    ("", "[budget]\n\"rto_s/c\" = \"2%\"", "14:1: no region is called `c`\n  help: the regions are `a`, `b`"),
    ("", "[budget]\nx = \"2%\"", "14:5: `x` is a design: its budgets are a table, `[budget.x]`"),
    ("", "[budget.y]\nrto_s = \"2%\"", "13:9: `y` is no metric and no design\n  help: "),
    ("", "[[budget]]\nrto_s = \"2%\"", "13:1: budgets are a table: write `[budget]`"),
];

#[test]
fn every_mistake_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (written, instead, expected) in MISTAKES {
        assert!(SMALL.contains(written), "{written}");
        let text = if written.is_empty() { format!("{SMALL}{instead}") } else { SMALL.replacen(written, instead, 1) };
        let expected = format!("f.toml:{expected}");
        match Scenario::parse(&text, "f.toml") {
            Ok(_) => wrong.push(format!("accepted: {instead}")),
            Err(error) if error.to_string().starts_with(&expected) => {
                assert!(error.span.end <= text.len() && error.span.start <= error.span.end, "{error}");
            }
            Err(error) => wrong.push(format!("{instead}\n  expected {expected}\n  got      {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_client_that_never_waits_would_stop_time() {
    let text =
        SMALL.replace("rate = \"10/s\"", "think = \"0s\"").replace("[topology]", "[topology]\nlocal_rtt = \"0s\"");
    let error = Scenario::parse(&text, "f.toml").unwrap_err().to_string();
    assert!(error.starts_with("f.toml:10:9: with no time to think"), "{error}");
    assert!(Scenario::parse(&text.replace("local_rtt = \"0s\"", ""), "f.toml").is_ok());
}

#[test]
fn several_mistakes_are_told_at_once() {
    let text =
        SMALL.replace("\"10/s\"", "\"10\"").replace("name =", "nam =") + "[expect]\nrto = 1\n[[fault]]\nat = 1\n";
    let error = Scenario::parse(&text, "f.toml").unwrap_err();
    let lines: Vec<usize> = std::iter::once(&error).chain(&error.also).map(|error| error.line).collect();
    assert_eq!(lines, [1, 9, 14, 16], "{error}");
}
