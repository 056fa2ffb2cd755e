namespace Ardir.Distillation;

/// <summary>A way of training, compared with the other methods of its <see cref="ExperimentPlan"/>.</summary>
public sealed record ExperimentMethod
{
    /// <summary>Name in the report and of its folders: letters, digits, blanks and <c>. _ - + =</c>, for example "ARDIR-RC 0.6".</summary>
    public required string Name { get; init; }

    /// <summary>The loss, by its name in <see cref="ExperimentLosses"/>: standard, sat, trades, mart, ard, rslad, iad, iad2, akd2, ardir,
    /// or one of your own.</summary>
    public required string Loss { get; init; }

    /// <summary>Values for the loss, for example <c>"beta": 0.6</c>. One that the loss does not read is refused.</summary>
    /// <value>Empty by default: the defaults of the loss.</value>
    public MethodSettings Settings { get; init; } = MethodSettings.Empty;

    /// <summary>Name of the method that trains the teacher, with the same seed; null for losses without one. The teacher has the
    /// weights that its <see cref="Report"/> names.</summary>
    /// <value>null by default.</value>
    public string? Teacher { get; init; }

    /// <summary>Name of the method that trains the second, ordinarily trained teacher of IAD-II and AKD2.</summary>
    /// <value>null by default.</value>
    public string? StandardTeacher { get; init; }

    /// <summary>Methods with the same text here start from the same weights when their seeds are equal.</summary>
    /// <value>"student" by default.</value>
    public string InitialWeights { get; init; } = "student";

    /// <summary>Epoch, from 0, from which the weights are averaged (SWA); null for none. AKD2 is reported with averaged weights.</summary>
    /// <value>null by default.</value>
    public int? AverageFrom { get; init; }

    /// <summary>Whether batch norm stays in train mode while images are crafted; null for what the loss prescribes.</summary>
    /// <value>null by default.</value>
    public bool? CraftInTrainMode { get; init; }

    /// <summary>Which weights stand for the method in the tables, and teach where the method is a teacher.</summary>
    /// <value><see cref="KeptWeights.Best"/> by default.</value>
    public KeptWeights Report { get; init; } = KeptWeights.Best;

    internal IEnumerable<string> Teachers => new[] { Teacher, StandardTeacher }.OfType<string>();
}
