//! What exit spans call, whatever instrumentation spells it.

mod calls {
    mod draw;

    mod asked;
    mod services;
    mod set_up;
    mod stores;
    mod values;
}
