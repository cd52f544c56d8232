//! Configurations that chance has changed.

use proptest::prelude::*;

use super::page::examples;
use super::problems;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever becomes of a configuration on the way: no panic, and every problem has its place.
    #[test]
    fn no_text_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[\\[\\]{}=\"'#.,a-z0-9_\n -]{0,12}"), 1..6)
    ) {
        let mut text = examples().next().unwrap().to_owned();
        for (at, cut, with) in edits {
            let mut from = at.index(text.len() + 1);
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            let mut to = (from + cut).min(text.len());
            while !text.is_char_boundary(to) {
                to += 1;
            }
            text.replace_range(from..to, &with);
        }
        let lines = text.matches('\n').count() + 1;
        for problem in problems(&text) {
            if problem.starts_with("and: ") {
                continue;
            }
            let line = problem.strip_prefix("boot.toml:").and_then(|rest| rest.split(':').next());
            let line: usize = line.and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("no line in {problem:?}"));
            prop_assert!((1..=lines).contains(&line), "{problem}");
        }
    }

    #[test]
    fn no_noise_makes_it_panic(text in "[\\[\\]{}=\"'#.,a-z0-9_\n -]{0,200}") {
        let _ = problems(&text);
    }
}
