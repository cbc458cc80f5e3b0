//! The stylesheet keeps its promises: names that change with the content,
//! every class has a colour, and text can be read on every ground.

use hotspan_model::Class;

use super::*;

const STYLE: &str = include_str!("style.css");

#[test]
fn addresses_change_with_the_content() {
    assert_ne!(address_of("a.css", "x"), address_of("a.css", "y"));
    assert!(url("style.css").starts_with("/assets/style-") && url("style.css").ends_with(".css"));
    assert_eq!(url("nothing.css"), "");
}

#[test]
fn every_class_has_its_colour() {
    for class in Class::ALL {
        for rule in [format!(".c-{} ", class.slug()), format!(".t-{} ", class.slug())] {
            assert!(STYLE.contains(&rule), "style.css has no rule {rule}");
        }
    }
}

/// The light and the dark value of a colour role.
fn role(name: &str) -> [[f64; 3]; 2] {
    let start = STYLE.find(&format!("--{name}: light-dark(")).expect("the role is there");
    let value = &STYLE[start..start + STYLE[start..].find(");").expect("it ends")];
    let mut colours = value.split('#').skip(1).map(|hex| {
        [0, 2, 4].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("six hex digits"))
    });
    [(); 2].map(|()| colours.next().expect("light and dark").map(|part| f64::from(part) / 255.0))
}

/// WCAG's relative luminance.
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |part: f64| {
        if part <= 0.039_28 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[test]
fn text_has_contrast() {
    let classes = [
        "credentials",
        "tokens",
        "secrets",
        "dns",
        "connecting",
        "database",
        "cache",
        "http",
        "rpc",
        "queue",
    ];
    let on = |ground: &'static str, texts: &[&'static str]| -> Vec<(&'static str, &'static str)> {
        texts.iter().map(|text| (*text, ground)).collect()
    };
    let texts = ["ink", "soft", "bad", "good"];
    let pairs = ["paper", "card", "hover"]
        .into_iter()
        .flat_map(|ground| [on(ground, &texts), on(ground, &classes)].concat())
        .chain(classes.into_iter().map(|class| ("on-class", class)))
        .chain([("ink", "own"), ("ink", "self")]);
    for (text, ground) in pairs {
        for (mode, text_colour, ground_colour) in
            [("light", role(text)[0], role(ground)[0]), ("dark", role(text)[1], role(ground)[1])]
        {
            let (one, other) = (luminance(text_colour), luminance(ground_colour));
            let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
            assert!(contrast >= 4.5, "{mode}: {text} on {ground} has {contrast:.2}, AA needs 4.5");
        }
    }
}
