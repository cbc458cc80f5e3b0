//! Endpoint profiles from records in memory: what the server keeps in its
//! book, for whoever has all records at hand. Nothing is looked for here.

use std::collections::BTreeMap;

use hotspan_model::segment::ClassUse;
use hotspan_model::{Endpoint, EndpointProfile, ProfileUse, SegmentRecord};

/// Affected segments kept as evidence of a use.
const EVIDENCE_MAX: usize = 3;

/// One profile for each endpoint, in the order of their names.
pub fn profiles(records: &[SegmentRecord]) -> Vec<EndpointProfile> {
    let mut profiles: BTreeMap<&Endpoint, EndpointProfile> = BTreeMap::new();
    for record in records {
        let profile = profiles.entry(&record.endpoint).or_insert_with(|| empty(record));
        add(profile, record);
    }
    profiles.into_values().collect()
}

fn empty(record: &SegmentRecord) -> EndpointProfile {
    EndpointProfile {
        endpoint: record.endpoint.clone(),
        sdk: (*record.sdk).clone(),
        requests: 0.0,
        samples: 0,
        entry_wall_ns: 0,
        window: (record.start, record.start),
        uses: Vec::new(),
    }
}

fn add(profile: &mut EndpointProfile, record: &SegmentRecord) {
    profile.requests += record.weight;
    profile.samples += 1;
    profile.entry_wall_ns += weighted(record.duration_ns, record.weight);
    profile.window.0 = profile.window.0.min(record.start);
    profile.window.1 = profile.window.1.max(record.start);
    for class_use in record.uses.iter().filter(|class_use| class_use.lookups > 0) {
        add_use(profile_use(profile, class_use), class_use, record);
    }
}

fn profile_use<'a>(profile: &'a mut EndpointProfile, class_use: &ClassUse) -> &'a mut ProfileUse {
    let same =
        |known: &ProfileUse| known.class == class_use.class && known.family == class_use.family;
    let index = profile.uses.iter().position(same).unwrap_or(profile.uses.len());
    if index == profile.uses.len() {
        profile.uses.push(ProfileUse {
            class: class_use.class,
            family: class_use.family.clone(),
            requests_affected: 0.0,
            samples_affected: 0,
            lookups: 0.0,
            calls: 0.0,
            wall_ns: 0,
            hidden_ns: 0,
            evidence: Vec::new(),
            templates: class_use.templates.clone(),
        });
    }
    &mut profile.uses[index]
}

fn add_use(known: &mut ProfileUse, class_use: &ClassUse, record: &SegmentRecord) {
    known.requests_affected += record.weight;
    known.samples_affected += 1;
    known.lookups += f64::from(class_use.lookups) * record.weight;
    known.calls += f64::from(class_use.calls) * record.weight;
    known.wall_ns += weighted(class_use.wall_ns, record.weight);
    known.hidden_ns += weighted(class_use.hidden_ns, record.weight);
    if known.evidence.len() < EVIDENCE_MAX {
        known.evidence.push((record.trace_id, record.entry_span, class_use.evidence.clone()));
    }
}

fn weighted(nanos: i64, weight: f64) -> i64 {
    (nanos as f64 * weight).round() as i64
}
