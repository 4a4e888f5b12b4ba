//! What comes before a request: proxies, and TLS.

use std::{error::Error, path::PathBuf, str::FromStr};

use clap::Args;
use serde::Deserialize;
use ws76_server::{Config, TrustedProxies};

use super::values::list;

/// wss instead of ws, with TLS 1.2 and 1.3, on every address.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[command(next_help_heading = "TLS")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Tls {
    /// PEM file with the certificates, the server's own first. SIGHUP reads both files again
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// PEM file with the private key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// What proxies in front say of clients.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[command(next_help_heading = "Proxies")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Proxies {
    /// Addresses and networks that are believed in what they say of a client: `none`, or
    /// `127.0.0.1,10.0.0.0/8,…` [default: none]
    #[arg(long, value_name = "LIST")]
    trusted_proxies: Option<Trusted>,
    /// Whether every connection begins with the header of the PROXY protocol [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    proxy_protocol: Option<bool>,
}

/// Where certificates and key are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl TlsFiles {
    /// The files of `settings`, where the last that names one wins.
    pub(super) fn of(settings: [&Tls; 2]) -> Self {
        let last = |get: fn(&Tls) -> &Option<PathBuf>| {
            settings.iter().rev().find_map(|one| get(one).clone())
        };
        Self {
            certificate: last(|one| &one.certificate),
            key: last(|one| &one.key),
        }
    }

    /// Reads them, if there are any.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn read(&self) -> Result<Option<ws76_server::Tls>, String> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => ws76_server::Tls::from_pem_files(certificate, key)
                .map(Some)
                .map_err(|error| self.failed(&error)),
            (Some(_), None) => Err("a certificate without a key".to_owned()),
            (None, Some(_)) => Err("a key without a certificate".to_owned()),
        }
    }

    /// What `error` says of these files, with all its causes.
    pub(crate) fn failed(&self, error: &ws76_server::TlsError) -> String {
        let names = [&self.certificate, &self.key].map(|file| match file {
            Some(file) => file.display().to_string(),
            None => "none".to_owned(),
        });
        let mut text = format!("certificate {}, key {}: {error}", names[0], names[1]);
        let mut cause = error.source();
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        text
    }
}

impl Proxies {
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(Trusted(proxies)) = &self.trusted_proxies {
            config.trusted_proxies = proxies.clone();
        }
    }

    pub(super) const fn proxy_protocol(&self) -> Option<bool> {
        self.proxy_protocol
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(super) struct Trusted(pub(super) TrustedProxies);

impl FromStr for Trusted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(list(text))
    }
}

impl TryFrom<Vec<String>> for Trusted {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        if words.is_empty() || words == ["none"] {
            return Ok(Self(TrustedProxies::none()));
        }
        TrustedProxies::list(&words).map(Self).map_err(|error| {
            let odd = words.get(error.position).map_or("", String::as_str);
            format!("proxy {odd:?}: an address or a network such as 10.0.0.0/8 is wanted")
        })
    }
}
