//! What routing needs of a configuration, and no more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::AgentConfig;
use crate::domain::endpoint::Endpoint;
use crate::domain::id::SiteVariantId;

/// Where calls of a version go and what goes along.
///
/// Most versions of an agent differ in their prompts and not in this, so equal ones are kept once and shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dispatch {
    /// In the order written; empty when the version names none.
    pub endpoints: Vec<Endpoint>,
    /// Headers by name, sorted.
    pub sip_headers: BTreeMap<String, String>,
    /// The sites of a chain.
    pub sites: Sites,
}

/// The sites of a chain, and the one for calls that name none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sites {
    /// None only where there are no sites.
    pub default: Option<SiteVariantId>,
    /// Site variants by id.
    pub variants: BTreeMap<SiteVariantId, Site>,
}

impl Sites {
    /// The site variant with this id, else the default one.
    #[must_use]
    pub fn get_or_default(&self, id: Option<&SiteVariantId>) -> Option<(&SiteVariantId, &Site)> {
        let wanted = id.and_then(|id| self.variants.get_key_value(id));
        wanted.or_else(|| self.variants.get_key_value(self.default.as_ref()?))
    }
}

/// One site of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Site {
    /// For people.
    pub name: String,
    /// Name and value of each attribute it has, in the order in which the attributes are listed.
    pub attributes: Vec<(String, String)>,
}

impl AgentConfig {
    /// What routing needs of it.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        let variants = self.site_variants.iter().map(|variant| {
            let attributes = self.site_attributes.iter().filter_map(|attribute| {
                Some((attribute.name.clone(), variant.values.get(&attribute.id)?.clone()))
            });
            (variant.id.clone(), Site { name: variant.name.clone(), attributes: attributes.collect() })
        });
        let default = self.site_variants.iter().find(|variant| variant.is_default);
        Dispatch {
            endpoints: self.endpoints.clone(),
            sip_headers: self.sip_headers.clone(),
            sites: Sites { variants: variants.collect(), default: default.map(|variant| variant.id.clone()) },
        }
    }
}
