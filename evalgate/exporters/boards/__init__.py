"""Dashboards, rules and alarms as plain data."""
