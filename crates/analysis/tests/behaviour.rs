//! What the analysis says about small traces, each drawn in the notation.

mod behaviour {
    mod draw;

    mod causes;
    mod cost;
    mod endpoints;
    mod fan_out_explosion;
    mod hidden;
    mod in_every_request;
    mod m_n_plus_one;
    mod n_plus_one_http;
    mod n_plus_one_query;
    mod profiles;
    mod repeated_everywhere;
    mod repeated_identical_http;
    mod repeated_identical_query;
    mod retry_storm;
    mod secret_fetch;
    mod seed;
    mod shapes;
    mod token_fetch;
    mod view;
}
