//! What the analysis says about small traces, each drawn in the notation.

mod behaviour {
    mod draw;

    mod causes;
    mod cost;
    mod endpoints;
    mod hidden;
    mod profiles;
    mod seed;
    mod shapes;
    mod view;
}
