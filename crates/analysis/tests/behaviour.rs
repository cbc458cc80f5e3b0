//! What the analysis says about small traces, each drawn in the notation.

mod behaviour {
    mod draw;
    mod windows;

    mod causes;
    mod connection_setup;
    mod cost;
    mod endpoint_regression;
    mod endpoints;
    mod fan_out_explosion;
    mod hidden;
    mod in_every_request;
    mod large_payload;
    mod m_n_plus_one;
    mod n_plus_one_http;
    mod n_plus_one_query;
    mod pool_wait;
    mod profiles;
    mod repeated_everywhere;
    mod repeated_identical_http;
    mod repeated_identical_query;
    mod retry_storm;
    mod secret_fetch;
    mod seed;
    mod serial_calls;
    mod shapes;
    mod slow_dependency;
    mod slow_query;
    mod timeout_plateau;
    mod timeouts_unseen;
    mod token_fetch;
    mod unexplained_gap;
    mod view;
}
