//! What the analysis says about small traces, each drawn in the notation.

mod behaviour {
    mod draw;
    mod windows;

    mod causes;
    mod cost;
    mod endpoint_regression;
    mod endpoints;
    mod fan_out_explosion;
    mod hidden;
    mod large_payload;
    mod m_n_plus_one;
    mod n_plus_one_http;
    mod n_plus_one_query;
    mod profiles;
    mod repeated_identical_http;
    mod repeated_identical_query;
    mod retry_storm;
    mod seed;
    mod shapes;
    mod slow_dependency;
    mod slow_query;
    mod view;
}
