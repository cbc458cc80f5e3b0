//! Everything an instance tells about itself that is no credential.

use crate::civil::UnixSeconds;
use crate::credentials::spaced_json;

/// The instance that answers are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// E.g. `i-0e5a11b2c3d4e5f60`.
    pub id: String,
    /// Twelve digits.
    pub account_id: String,
    /// E.g. `eu-central-1`.
    pub region: String,
    /// E.g. `eu-central-1a`.
    pub availability_zone: String,
    /// E.g. `m7g.large`.
    pub instance_type: String,
    /// E.g. `ami-0c0ffee0c0ffee000`.
    pub image_id: String,
    /// E.g. `10.0.1.17`.
    pub private_ip: String,
    /// When it started.
    pub started: UnixSeconds,
}

impl Instance {
    /// The text at a path below the version, e.g. `meta-data/instance-id`;
    /// `None` when there is nothing. Folders list what is in them.
    pub fn document(&self, path: &str, role: &str) -> Option<String> {
        let host_name = format!("ip-{}.ec2.internal", self.private_ip.replace('.', "-"));
        let text = match path {
            "dynamic/instance-identity/document" => self.identity(),
            "meta-data/ami-id" => self.image_id.clone(),
            "meta-data/hostname" | "meta-data/local-hostname" => host_name,
            "meta-data/iam/info" => self.profile(role),
            "meta-data/instance-id" => self.id.clone(),
            "meta-data/instance-life-cycle" => "on-demand".to_owned(),
            "meta-data/instance-type" => self.instance_type.clone(),
            "meta-data/local-ipv4" => self.private_ip.clone(),
            "meta-data/placement/availability-zone" => self.availability_zone.clone(),
            "meta-data/placement/region" => self.region.clone(),
            "meta-data/services/domain" => "amazonaws.com".to_owned(),
            "meta-data/services/partition" => "aws".to_owned(),
            folder => return listing(folder).map(str::to_owned),
        };
        Some(text)
    }

    /// The ARN of a role, as the container endpoint tells it.
    pub fn role_arn(&self, role: &str) -> String {
        format!("arn:aws:iam::{}:role/{role}", self.account_id)
    }

    fn profile(&self, role: &str) -> String {
        let arn = format!("arn:aws:iam::{}:instance-profile/{role}", self.account_id);
        spaced_json(&[
            ("Code", "Success"),
            ("LastUpdated", &self.started.rfc3339()),
            ("InstanceProfileArn", &arn),
            ("InstanceProfileId", "AIPAEMULATED00000000"),
        ])
    }

    /// Keys that have no value here are `null`, as on EC2.
    fn identity(&self) -> String {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let null = || "null".to_owned();
        let fields = [
            ("accountId", text(&self.account_id)),
            ("architecture", text("x86_64")),
            ("availabilityZone", text(&self.availability_zone)),
            ("billingProducts", null()),
            ("devpayProductCodes", null()),
            ("marketplaceProductCodes", null()),
            ("imageId", text(&self.image_id)),
            ("instanceId", text(&self.id)),
            ("instanceType", text(&self.instance_type)),
            ("kernelId", null()),
            ("pendingTime", text(&self.started.rfc3339())),
            ("privateIp", text(&self.private_ip)),
            ("ramdiskId", null()),
            ("region", text(&self.region)),
            ("version", text("2017-09-30")),
        ];
        let lines = fields.map(|(name, value)| format!("  \"{name}\" : {value}"));
        format!("{{\n{}\n}}", lines.join(",\n"))
    }
}

/// What is in a folder, one name a line, folders with a slash.
fn listing(folder: &str) -> Option<&'static str> {
    Some(match folder {
        "" => "dynamic\nmeta-data",
        "dynamic" => "instance-identity/",
        "dynamic/instance-identity" => "document",
        "meta-data" => {
            "ami-id\nhostname\niam/\ninstance-id\ninstance-life-cycle\ninstance-type\n\
             local-hostname\nlocal-ipv4\nplacement/\nservices/"
        }
        "meta-data/iam" => "info\nsecurity-credentials/",
        "meta-data/placement" => "availability-zone\nregion",
        "meta-data/services" => "domain\npartition",
        _ => return None,
    })
}
