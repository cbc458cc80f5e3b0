//! What the analysis says about small traces, each drawn in the notation.

mod behaviour {
    mod draw;

    mod causes;
    mod connection_setup;
    mod cost;
    mod endpoints;
    mod fan_out_explosion;
    mod hidden;
    mod m_n_plus_one;
    mod n_plus_one_http;
    mod n_plus_one_query;
    mod pool_wait;
    mod profiles;
    mod repeated_identical_http;
    mod repeated_identical_query;
    mod retry_storm;
    mod seed;
    mod serial_calls;
    mod shapes;
    mod timeout_plateau;
    mod unexplained_gap;
    mod view;
}
