"""The candidate library: what all runs proposed, and what became of it."""

from pipeline.library.candidate_library import CandidateLibrary as CandidateLibrary
from pipeline.library.candidate_library import open_library as open_library
