namespace Ardir.Attacks;

/// <summary>What an evaluation may doubt about itself.</summary>
public enum FindingKind
{
    /// <summary>The same images give different logits: a randomised defence, whose number here is too high. Use <see cref="AutoAttackVersion.Rand"/>.</summary>
    Randomized,

    /// <summary>The model returns probabilities instead of logits, which flattens the gradients of the cross-entropy.</summary>
    Probabilities,

    /// <summary>The gradient is exactly zero at the start of an attack for some samples: it cannot move there.</summary>
    ZeroGradient,

    /// <summary>The gradient-free attack beats the attacks with gradients: the gradients mislead.</summary>
    SquareImproves,

    /// <summary>The model seems to compute gradients or optimise while it predicts.</summary>
    DynamicModel,

    /// <summary>Too few classes for the standard ensemble; parts of it ran in a replaced form, so the number is not comparable.</summary>
    FewClasses,

    /// <summary>Some clean images have NaN logits; they count as misclassified.</summary>
    NanLogits,

    /// <summary>All images have the same logits.</summary>
    ConstantLogits,

    /// <summary>A module stayed in train mode although the model was put into eval mode.</summary>
    TrainMode,

    /// <summary>The gradient of the cross-entropy is almost zero although the margins are moderate.</summary>
    VanishingGradient,

    /// <summary>One FGSM step breaks images that the whole ensemble left unbroken.</summary>
    WeakerThanFgsm,

    /// <summary>Images resist even a budget that allows to make them grey.</summary>
    ResistsHugeBudget,

    /// <summary>An attack claimed images that were not wrong, or not within the budget, on inspection; they were not counted.</summary>
    UnconfirmedSuccess,
}
