//! What can be said of a site variant, and what that makes of a configuration.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use crate::api::agents::branches::items::ItemId;
use crate::api::fields::{Fields, Written};
use crate::domain::agent_config::{AgentConfig, SiteVariant};
use crate::domain::id::SiteVariantId;
use crate::domain::refusal::{FieldFault, Refusal};
use crate::http::error::ApiError;
use crate::http::json::faults::shown;
use crate::http::json::tree::Tree;

/// A new site variant.
#[derive(Debug, ToSchema)]
#[schema(as = NewSiteVariant)]
pub struct NewVariant {
    /// 1 to 200 characters in one line, unique within the branch.
    name: String,
    #[schema(inline)]
    #[serde(flatten)]
    more: VariantMore,
}

/// What is to be changed of a site variant.
#[derive(Debug, ToSchema)]
#[schema(as = SiteVariantPatch)]
pub struct VariantPatch {
    /// 1 to 200 characters in one line, unique within the branch.
    name: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    more: VariantMore,
}

/// What need not be said of a site variant.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct VariantMore {
    /// Values of attributes, by their ids; those that are not named stay, and null takes one away.
    #[schema(required = false, inline)]
    attribute_values: ValuesBody,
    /// True makes it the default instead of the one that was. The first one is the default in any case.
    is_default: Option<bool>,
}

/// Values that a site is to have of the attributes.
#[derive(Debug, Default, ToSchema)]
pub struct ValuesBody {
    /// Text by id of the attribute.
    values: BTreeMap<String, Option<String>>,
}

impl ValuesBody {
    fn of(fields: &mut Fields<'_>) -> Option<Self> {
        let mut values = BTreeMap::new();
        match fields.present("values") {
            None => fields.fault("values", "is missing: expected texts by ids of attributes"),
            Some(Tree::Object(members)) => {
                for (name, tree) in members {
                    let kind = tree.kind();
                    let value = match tree {
                        Tree::Null => None,
                        Tree::Text(text) => Some(text),
                        _ => {
                            let message = format!("is {kind}: expected a text or null");
                            fields.fault(&format!("values.{name}"), message);
                            continue;
                        }
                    };
                    if values.insert(name.clone(), value).is_some() {
                        fields.fault(&format!("values.{name}"), "stands there twice: expected once");
                    }
                }
            }
            Some(tree) => fields.fault("values", format!("is {}: expected an object", tree.kind())),
        }
        Some(Self { values })
    }
}

impl VariantMore {
    fn of(fields: &mut Fields<'_>) -> Self {
        let attribute_values = fields.object("attributeValues", ValuesBody::of).unwrap_or_default();
        Self { attribute_values, is_default: fields.optional("isDefault") }
    }

    /// Refuses values of attributes that there are not.
    fn check(&self, config: &AgentConfig) -> Result<(), ApiError> {
        let known = |id: &str| config.site_attributes.iter().any(|attribute| attribute.id == id);
        let unknown = self.attribute_values.values.keys().filter(|id| !known(id));
        let faults: Vec<FieldFault> = unknown
            .map(|id| FieldFault {
                field: format!("attributeValues.values.{}", shown(id)),
                message: "is no attribute of the branch: expected the id of one".to_owned(),
            })
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Refusal { code: "VARIANTS_BAD_ATTRIBUTES_ERROR", ..Refusal::fields(faults) }.into())
    }

    fn change(&self, variant: &mut SiteVariant) {
        for (id, value) in &self.attribute_values.values {
            match value {
                Some(value) => variant.values.insert(id.clone(), value.clone()),
                None => variant.values.remove(id),
            };
        }
    }
}

impl Written for NewVariant {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (name, more) = (fields.required("name"), VariantMore::of(fields));
        Some(Self { name: name?, more })
    }
}

impl Written for VariantPatch {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { name: fields.optional("name"), more: VariantMore::of(fields) })
    }
}

impl NewVariant {
    pub(super) fn add_to(&self, config: &mut AgentConfig, id: &SiteVariantId) -> Result<(), ApiError> {
        check_name(config, id.as_str(), &self.name)?;
        self.more.check(config)?;
        let (name, values) = (self.name.clone(), BTreeMap::new());
        let mut variant = SiteVariant { id: id.clone(), name, is_default: false, values };
        self.more.change(&mut variant);
        config.site_variants.push(variant);
        if self.more.is_default == Some(true) {
            make_default(config, id.as_str());
        }
        Ok(())
    }
}

impl VariantPatch {
    pub(super) fn change(&self, config: &mut AgentConfig, id: &ItemId) -> Result<(), ApiError> {
        let at = position(config, id)?;
        if let Some(name) = &self.name {
            check_name(config, &id.0, name)?;
        }
        self.more.check(config)?;
        let alone = config.site_variants.len() == 1;
        if let Some(variant) = config.site_variants.get_mut(at) {
            if self.more.is_default == Some(false) && variant.is_default && !alone {
                return Err(without_default("isDefault"));
            }
            if let Some(name) = &self.name {
                variant.name.clone_from(name);
            }
            self.more.change(variant);
        }
        if self.more.is_default == Some(true) {
            make_default(config, &id.0);
        }
        Ok(())
    }
}

/// The default goes last, since calls that name no site are for it.
pub(super) fn delete(config: &mut AgentConfig, id: &ItemId) -> Result<(), ApiError> {
    let at = position(config, id)?;
    if config.site_variants.len() > 1 && config.site_variants.get(at).is_some_and(|it| it.is_default) {
        return Err(without_default("variant"));
    }
    config.site_variants.remove(at);
    Ok(())
}

fn make_default(config: &mut AgentConfig, id: &str) {
    for variant in &mut config.site_variants {
        variant.is_default = variant.id.as_str() == id;
    }
}

fn without_default(field: &str) -> ApiError {
    let message = "is the default, and there are others: make another one the default first";
    Refusal { code: "VARIANTS_REMOVE_DEFAULT_ERROR", ..Refusal::field(field, message) }.into()
}

/// Refuses a name that another site variant has.
fn check_name(config: &AgentConfig, id: &str, name: &str) -> Result<(), ApiError> {
    if config.site_variants.iter().all(|variant| variant.id.as_str() == id || variant.name != name) {
        return Ok(());
    }
    let message = "another site variant of the branch has this name";
    Err(ApiError::conflict("VARIANTS_DUPLICATE_NAME_ERROR", message).with_field("name", message))
}

fn position(config: &AgentConfig, id: &ItemId) -> Result<usize, ApiError> {
    let at = config.site_variants.iter().position(|variant| variant.id.as_str() == id.0);
    at.ok_or_else(|| id.missing("site variant"))
}
