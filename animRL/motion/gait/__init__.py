"""Walking from published figures of human gait."""
