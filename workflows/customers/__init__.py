"""Customers: what follows from a changed customer: VAT ids are checked, and the policy's rules write what they say."""
