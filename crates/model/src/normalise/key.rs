//! Keys of caches and names of queues: `user:42:cart` becomes `user:{id}:cart`.
//! What counts as an id stands in [`values`](super::values).

use super::values;

/// Longer keys are cut: some services put whole documents into them.
const KEY_CHARS_MAX: usize = 120;

/// A key or a queue's name with everything that looks like a value replaced.
/// Placeholders stay, so doing it twice changes nothing.
pub fn key_template(key: &str) -> String {
    let key = key.char_indices().nth(KEY_CHARS_MAX).map_or(key, |(end, _)| &key[..end]);
    let mut template = String::with_capacity(key.len());
    for part in key.split_inclusive(separates) {
        let (word, end) = match part.chars().next_back() {
            Some(last) if separates(last) => part.split_at(part.len() - 1),
            _ => (part, ""),
        };
        values::push_template(&mut template, word);
        template.push_str(end);
    }
    template
}

/// What services put between the parts of a key.
fn separates(c: char) -> bool {
    matches!(c, ':' | '/' | '|' | '#' | '[' | ']' | '(' | ')' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_become_templates() {
        for (key, template) in [
            ("user:42", "user:{id}"),
            ("user:42:cart", "user:{id}:cart"),
            ("views/users/7-20261123100000", "views/users/{id}-{id}"),
            ("{user:42}:orders", "{user:{id}}:orders"),
            ("session:123e4567-e89b-12d3-a456-426614174000", "session:{uuid}"),
            (":1:page.2026-11-23", ":{id}:page.{id}-{id}-{id}"),
            ("daily:2026-11-23", "daily:{date}"),
            ("sess_h9Fk2LmQ7tRz0pXvB4nYc8Ws", "sess_{hash}"),
            ("rate:a.person@example.com", "rate:{id}"),
            ("config", "config"),
            ("orders.v2.created", "orders.v2.created"),
            ("", ""),
        ] {
            assert_eq!(key_template(key), template, "{key}");
        }
        assert_eq!(key_template(&"k".repeat(500)).len(), KEY_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn templates_are_stable(key in "[a-zA-Z0-9:{}|/._@=é-]{0,60}") {
            let once = key_template(&key);
            prop_assert_eq!(key_template(&once), once.clone(), "of {}", key);
        }
    }
}
