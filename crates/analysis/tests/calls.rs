//! What exit spans call, whatever instrumentation spells it.

mod calls {
    mod draw;

    mod asked;
    mod services;
    mod stores;
}
