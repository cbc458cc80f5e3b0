//! Counts that wait for a process, and bounds.

use super::*;

fn socket(uid: u32, inode: u32) -> Socket {
    Socket { uid: Some(uid), cgroup_id: None, cgroup: Some("/web".to_owned()), inode: Some(inode) }
}

fn shared() -> Shared {
    Shared { known: Mutex::default(), not_sought: AtomicU64::new(0), helper: None }
}

const ONE: Asked = Asked { lookups: 1, denied: 0 };

#[test]
fn lookups_wait_until_their_process_was_looked_for() {
    let shared = shared();
    let mut cgroups = Cgroups::below(std::path::Path::new("/nowhere"));
    for (inode, sought) in [
        (1, Some(Sought::Waiting)),
        (2, Some(Sought::Waiting)),
        (3, Some(Sought::Unknown)),
        (4, None),
    ] {
        let mut known = shared.lock();
        if let Some(sought) = sought {
            known.note(inode, sought);
        }
        known.count(socket(1_000, inode), ONE);
    }
    let rows = |shared: &Shared| {
        let rows = shared.lock().rows.clone().into_iter();
        rows.map(|(who, asked)| (who.program, asked.lookups)).collect::<Vec<_>>()
    };
    shared.settle(&mut cgroups);
    assert_eq!(rows(&shared), [(String::new(), 2)], "those that nobody looks for");
    let owner = |inode| Owner { inode, pid: 7, program: "/usr/bin/ruby".to_owned() };
    shared.looked(&[1, 2], vec![owner(1)]);
    shared.settle(&mut cgroups);
    let expected = [(String::new(), 3), ("/usr/bin/ruby".to_owned(), 1)];
    assert_eq!(rows(&shared), expected, "found, and not found");
    shared.lock().count(socket(1_000, 1), ONE);
    shared.settle(&mut cgroups);
    assert_eq!(rows(&shared)[1].1, 2, "known from then on");
}

#[test]
fn nothing_grows_without_end() {
    let shared = shared();
    let mut cgroups = Cgroups::below(std::path::Path::new("/nowhere"));
    let more = |count: usize| u32::try_from(count + 10).expect("a number");
    for inode in 0..more(SOCKETS_MAX) {
        shared.lock().note(inode, Sought::Unknown);
    }
    for uid in 0..more(UNCOUNTED_MAX) {
        shared.lock().count(socket(uid, 1), ONE);
    }
    shared.settle(&mut cgroups);
    let known = shared.lock();
    assert_eq!((known.sockets.len(), known.order.len()), (SOCKETS_MAX, SOCKETS_MAX));
    assert!(known.uncounted.is_empty());
    assert_eq!(known.rows.len(), ROWS_MAX);
    let told: u64 = known.rows.values().map(|asked| asked.lookups).sum();
    assert_eq!(told + known.others.lookups, u64::from(more(UNCOUNTED_MAX)), "all are counted");
}
