"""Training in phases: a game whose first steps update other players than its later ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfgan_suite.core.adversarial_model import AdversarialModel


class PhasedTraining(AdversarialModel):
    """A game trained in phases, each with a graph of its own.

    Subclasses override `phase_at`, and `execution_ends` where phases end at steps that are known.

    The phase is a function of the step counter, so that a resumed run is in the phase in which it
    stopped. `train_step` reads `phase`, which is constant while its graph is traced.

    Attributes:
        phases: names of the phases; the last one is assumed outside of `fit`.
    """

    phases: tuple[str, ...] = ()
    train_function: Any  # Keras's

    @property
    def phase(self) -> str:
        """The phase of the current steps; selects the graph that is traced. Evaluated: the last."""
        if self.evaluating:
            return self.phases[-1]
        return self.__dict__.get("_phase", self.phases[-1])

    def phase_at(self, step: int) -> str:
        """The phase of step number `step`, counted from 0."""
        raise TypeError(f"{type(self).__name__} does not define phase_at(step)")

    def begin_phase(self) -> None:
        """Selects the phase of the next step; called before each, outside of its graph."""
        self.__dict__["_phase"] = self.phase_at(self.steps_done)

    def execution_ends(self) -> tuple[int, ...]:
        """Steps at which a phase ends; by default each may, so that a call does one step."""
        return (1,)

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        """Keras's step function: one per phase, selected by the step counter.

        Several replicas cannot update an optimizer inside a branch of one graph.
        """
        if self.train_function is not None and not force:
            return self.train_function
        functions = {}
        for phase in self.phases:
            super().make_train_function(force=True)
            functions[phase] = self.train_function

        def train(iterator: Any) -> Any:
            self.begin_phase()
            return functions[self.__dict__["_phase"]](iterator)

        self.train_function = train
        return train
