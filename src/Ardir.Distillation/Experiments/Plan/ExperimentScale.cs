namespace Ardir.Distillation;

/// <summary>The scale of a plan of <see cref="PaperPlans"/>.</summary>
public enum ExperimentScale
{
    /// <summary>Section 4.1 of the paper: PreActResNet-18, all images, 200 epochs; for a GPU.</summary>
    Full,

    /// <summary>A small network on few images, so that it overfits as the large one does on all: for two processor cores.</summary>
    Small,
}
