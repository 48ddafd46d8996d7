//! How much a test looks at: little in every run of the tests, and as much as somebody asks for who has the time.

/// The number in this variable of the environment; the usual one where it is not set.
pub fn size(variable: &str, usual: u64) -> u64 {
    let told = std::env::var(variable).ok();
    told.map_or(usual, |told| told.parse().unwrap_or_else(|_| panic!("{variable} is `{told}`, and no whole number")))
}
