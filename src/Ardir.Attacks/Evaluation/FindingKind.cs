namespace Ardir.Attacks;

/// <summary>What an evaluation may doubt about itself.</summary>
public enum FindingKind
{
    /// <summary>The same images give different logits: a randomised defence, whose number here is too high. Use
    /// <see cref="AutoAttackVersion.Rand"/>.</summary>
    Randomized,

    /// <summary>The model returns probabilities instead of logits, which flattens the gradients of the cross-entropy.</summary>
    Probabilities,

    /// <summary>At images that stayed unbroken an attack met a gradient that is exactly zero, and no other attack had one to follow: it
    /// could not move there, and its failure says nothing. The losses that help are <see cref="AttackLoss.Margin"/> and
    /// <see cref="AttackLoss.Dlr"/>.</summary>
    ZeroGradient,

    /// <summary>The gradient-free attack beats the attacks with gradients: the gradients mislead.</summary>
    SquareImproves,

    /// <summary>The model seems to compute gradients or optimise while it predicts.</summary>
    DynamicModel,

    /// <summary>Too few classes for the standard ensemble; parts of it ran in a replaced form, so the number is not comparable.</summary>
    FewClasses,

    /// <summary>Some clean images have NaN logits and count as misclassified, or attacks found points with NaN logits, which count as
    /// broken.</summary>
    NanLogits,

    /// <summary>All images have the same logits.</summary>
    ConstantLogits,

    /// <summary>A module stayed in train mode although the model was put into eval mode.</summary>
    TrainMode,

    /// <summary>The gradient of the cross-entropy is almost zero although the margins are moderate.</summary>
    VanishingGradient,

    /// <summary>One FGSM step within the threat model of the attacks breaks images that they all left unbroken. Attacks that may do less
    /// than their threat model says (<see cref="IAttack.CoversThreat"/>) are not compared.</summary>
    WeakerThanFgsm,

    /// <summary>Images resist even a budget that allows to make them grey.</summary>
    ResistsHugeBudget,

    /// <summary>An attack claimed images that were not wrong, or not within the budget, on inspection; they were not counted.</summary>
    UnconfirmedSuccess,

    /// <summary>No gradient flows through the model (detached or constant): the attacks of an ensemble that need one ended without
    /// breaking anything.</summary>
    NoGradient,

    /// <summary>At images that stayed unbroken an attack met a gradient that is NaN or infinite although the logits are numbers, and no
    /// other attack had one to follow: its failure there says nothing.</summary>
    BadGradient,
}
