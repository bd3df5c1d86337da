"""Speakers: what writes the utterances."""
