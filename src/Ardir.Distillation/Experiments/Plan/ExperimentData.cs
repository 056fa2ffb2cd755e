namespace Ardir.Distillation;

/// <summary>Which images an <see cref="ExperimentPlan"/> trains on, selects on and reports.</summary>
public sealed record ExperimentData
{
    /// <summary>The data set.</summary>
    public required ExperimentDataset Dataset { get; init; }

    /// <summary>Images to train on, drawn at random from the training set; null for all that are not held out.</summary>
    /// <value>null by default.</value>
    public int? TrainImages { get; init; }

    /// <summary>Images held out from the training set, on which the best epoch is chosen. 0 chooses on the test images, as the ARDIR paper
    /// does (section 4.1); the report says so, because such a choice flatters the best epoch.</summary>
    /// <value>1,000 by default.</value>
    public int ValidationImages { get; init; } = 1000;

    /// <summary>Images to report on: the first ones of the test set; null for all.</summary>
    /// <value>null by default.</value>
    public int? TestImages { get; init; }

    /// <summary>Root of the random choice of the images above. It does not change with the seed of a run, so that all seeds train on the
    /// same images.</summary>
    /// <value>0 by default.</value>
    public ulong Split { get; init; }

    /// <summary>Random shift and flip of the training images, as is usual for CIFAR-10.</summary>
    /// <value>false by default.</value>
    public bool Augment { get; init; }
}
