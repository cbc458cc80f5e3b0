//! Checks what STS is told: the role to assume, and where it is asked.

use std::net::SocketAddr;

use hotspan_credentials::assume::{
    Assume, RoleArn, check_duration, check_external_id, check_session_name, check_tags,
};
use hotspan_credentials::sts::Place;
use hotspan_credentials::unusable::Unusable;
use toml::Spanned;

use super::Checker;
use crate::settings::raw;

impl Checker<'_> {
    /// `session` says what the base's credentials are, if they are of a session.
    pub(super) fn assume(
        &mut self,
        raw: &raw::Assume,
        session: Option<&'static str>,
    ) -> Option<Assume> {
        let mut assume = Assume::of(self.role_arn(&raw.role_arn)?);
        if let Some(name) = &raw.session_name {
            self.usable(name, check_session_name(name.get_ref()));
            assume.session_name.clone_from(name.get_ref());
        }
        if let Some(text) = &raw.duration {
            match crate::duration::parse(text.get_ref()) {
                Ok(duration) => {
                    self.usable(text, check_duration(duration, session, raw.allow_short));
                    assume.duration = duration;
                }
                Err(what) => self.refuse(text, what, "write duration = \"1h\""),
            }
        }
        if let Some(id) = &raw.external_id {
            self.usable(id, check_external_id(id.get_ref()));
            assume.external_id = Some(id.get_ref().clone());
        }
        if let Some(tags) = &raw.tags {
            self.usable(tags, check_tags(tags.get_ref()));
            assume.tags.clone_from(tags.get_ref());
        }
        Some(assume)
    }

    pub(super) fn role_arn(&mut self, raw: &Spanned<String>) -> Option<RoleArn> {
        self.usable(raw, raw.get_ref().parse())
    }

    pub(super) fn place(&mut self, raw: &raw::Role) -> Place {
        let mut place = Place::default();
        if let Some(region) = &raw.region {
            place.region = self.usable(region, region.get_ref().parse());
        }
        if let Some(endpoint) = &raw.sts_endpoint {
            place.endpoint = self.usable(endpoint, endpoint.get_ref().parse());
            let address = place.endpoint.as_ref().and_then(|endpoint| endpoint.address());
            self.is_no_door(endpoint, address);
        }
        if let Some(proxy) = &raw.sts_proxy {
            place.proxy = self.usable(proxy, proxy.get_ref().parse());
            let address = place.proxy.as_ref().and_then(|proxy| proxy.address());
            self.is_no_door(proxy, address);
        }
        place
    }

    /// Credentials that come from an own door would be asked for for ever.
    fn is_no_door(&mut self, raw: &Spanned<String>, address: Option<SocketAddr>) {
        if let Some(address) = address.filter(|address| self.doors.contains(address)) {
            let what = format!("{address} is an own door");
            self.refuse(raw, what, "name the service where credentials come from");
        }
    }

    pub(super) fn usable<T, U>(
        &mut self,
        place: &Spanned<T>,
        checked: Result<U, Unusable>,
    ) -> Option<U> {
        checked.map_err(|error| self.refuse(place, error.what, &error.remedy)).ok()
    }
}
