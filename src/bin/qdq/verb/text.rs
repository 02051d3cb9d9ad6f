//! Counts and lists in sentences.

use std::fmt::Display;

/// `1 tensor`, `2 tensors`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// The first `shown` items, and how many follow.
pub fn listed<T: Display>(items: &[T], shown: usize) -> String {
    let first: Vec<String> = items.iter().take(shown).map(T::to_string).collect();
    let more = match items.len().saturating_sub(shown) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        assert_eq!(
            [counted(0usize, "node"), counted(1u64, "node"), counted(2usize, "node")],
            ["0 nodes", "1 node", "2 nodes"]
        );
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c"], 1), "a and 2 more");
        assert_eq!(listed::<&str>(&[], 3), "");
    }
}
