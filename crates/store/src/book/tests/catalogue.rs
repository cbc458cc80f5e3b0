//! Projects, people, logins and settings.

use hotspan_model::UnixNanos;

use super::super::{Book, DEFAULT_PROJECT, DEFAULT_PROJECT_ID, book_path};
use super::{Fixture, START};

#[test]
fn the_default_project_is_there_and_keeps_its_key() {
    let Fixture { book, directory } = Fixture::new();
    let first = book.projects().expect("lists").pop().expect("one");
    assert_eq!((first.id, first.name.as_str()), (DEFAULT_PROJECT_ID, DEFAULT_PROJECT));
    assert!(first.key.len() == 32 && first.key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    drop(book);
    let again = Book::open(&book_path(directory.path()), START.plus(1)).expect("opens");
    assert_eq!(again.projects().expect("lists"), [first]);
}

#[test]
fn projects_are_found_by_number_name_and_key() {
    let Fixture { book, directory: _kept } = Fixture::new();
    let shop = book.add_project("shop", START).expect("adds");
    assert_eq!(book.project_by_id(shop.id).expect("reads").as_ref(), Some(&shop));
    assert_eq!(book.project_by_name("shop").expect("reads").as_ref(), Some(&shop));
    assert_eq!(book.project_by_key(&shop.key).expect("reads").as_ref(), Some(&shop));
    assert_eq!(book.project_by_key("").expect("reads"), None);
    assert_ne!(
        book.project_by_id(DEFAULT_PROJECT_ID).expect("reads").map(|it| it.key),
        Some(shop.key)
    );
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let Fixture { book, directory: _kept } = Fixture::new();
    let long = "a".repeat(65);
    for (name, says) in [
        ("", "does not fit"),
        ("Shop", "does not fit"),
        ("a/b", "does not fit"),
        ("../x", "does not fit"),
        ("ünïcode", "does not fit"),
        (long.as_str(), "does not fit"),
        ("default", "exists already"),
    ] {
        let refusal = book.add_project(name, START).expect_err(name).to_string();
        assert!(refusal.contains(says), "{name:?}: {refusal}");
    }
    for name in ["", "  ", "a\nb", long.as_str()] {
        assert!(book.set_user(name, "hash", START).is_err(), "{name:?}");
    }
}

#[test]
fn logins_end_with_their_time_their_password_and_their_user() {
    let Fixture { book, directory: _kept } = Fixture::new();
    let at = |second: i64| START.plus(second * 1_000_000_000);
    let user_at = |token: &[u8], now: UnixNanos| book.login_user(token, now).expect("reads");
    book.set_user("ann", "hash 1", START).expect("keeps");
    assert_eq!(book.password_hash_of("ann").expect("reads").as_deref(), Some("hash 1"));
    assert_eq!(book.password_hash_of("bob").expect("reads"), None);

    book.add_login(b"one", "ann", at(60), START).expect("keeps");
    assert_eq!(user_at(b"one", at(59)).as_deref(), Some("ann"));
    assert_eq!(user_at(b"one", at(60)), None);
    book.remove_login(b"one").expect("ends");
    assert_eq!(user_at(b"one", START), None);

    book.add_login(b"two", "ann", at(60), START).expect("keeps");
    book.set_user("ann", "hash 2", START).expect("keeps");
    assert_eq!(user_at(b"two", START), None);

    book.add_login(b"three", "ann", at(60), START).expect("keeps");
    assert!(book.remove_user("ann").expect("removes"));
    assert!(!book.remove_user("ann").expect("removes"));
    assert_eq!(user_at(b"three", START), None);
    assert!(book.add_login(b"four", "ann", at(60), START).is_err(), "no such user");
    assert_eq!(book.users().expect("lists"), Vec::<String>::new());
}

#[test]
fn settings_keep_their_last_value() {
    let Fixture { book, directory: _kept } = Fixture::new();
    assert_eq!(book.setting("retention").expect("reads"), None);
    book.set_setting("retention", "7d").expect("keeps");
    book.set_setting("retention", "30d").expect("keeps");
    assert_eq!(book.setting("retention").expect("reads").as_deref(), Some("30d"));
}
