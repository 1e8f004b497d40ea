"""The equations: adversarial losses and penalties, as plain functions of tensors."""
