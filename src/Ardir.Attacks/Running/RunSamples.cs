using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The samples of a run and what it knows about them. The first dimension of every tensor is the sample.</summary>
internal sealed record RunSamples
{
    public required SampleStreams Streams { get; init; }

    /// <summary>int64 [n].</summary>
    public required Tensor SampleIndices { get; init; }

    /// <summary>Clean images.</summary>
    public required Tensor Images { get; init; }

    /// <summary>int64 [n].</summary>
    public required Tensor Labels { get; init; }

    /// <summary>int64 [n]; null when untargeted.</summary>
    public Tensor? Targets { get; init; }

    /// <summary>The loss to maximise.</summary>
    public IAttackLoss? Loss { get; init; }

    /// <summary>What the loss keeps fixed.</summary>
    public IReadOnlyList<Tensor> Reference { get; init; } = [];

    /// <summary>Classes that only guide the loss, int64 [n].</summary>
    public Tensor? Aim { get; init; }

    /// <summary>Logits of the clean images, [n,K].</summary>
    public Tensor? CleanLogits { get; init; }

    /// <summary>Positions in the run that the attack began with, int64 [n]; null while no sample has left.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>All tensors.</summary>
    public IEnumerable<Tensor> All =>
        new[] { SampleIndices, Images, Labels, Targets, Positions, Aim, CleanLogits }.OfType<Tensor>().Concat(Reference);

    /// <summary>Some of the samples, int64 [m].</summary>
    public RunSamples Select(Tensor rows)
    {
        Tensor Rows(Tensor all) => all.index_select(0, rows);
        return Labelled(rows) with
        {
            Streams = Streams.Select(HostRead.Array<long>(rows)),
            Images = Rows(Images),
            CleanLogits = CleanLogits is null ? null : Rows(CleanLogits),
            Positions = Positions is null ? rows.clone() : Rows(Positions),
        };
    }

    /// <summary>As <see cref="Select"/>, with streams of all samples and images that have the right shape only.</summary>
    public RunSamples ForLogits(Tensor rows) => Labelled(rows) with
    {
        Images = Images.narrow(0, 0, rows.shape[0]), CleanLogits = null, Positions = null,
    };

    // What both have to select: labels and the tensors of the loss.
    private RunSamples Labelled(Tensor rows)
    {
        Tensor Rows(Tensor all) => all.index_select(0, rows);
        return this with
        {
            SampleIndices = Rows(SampleIndices),
            Labels = Rows(Labels),
            Targets = Targets is null ? null : Rows(Targets),
            Reference = Reference.Count == 0 ? Reference : [.. Reference.Select(Rows)],
            Aim = Aim is null ? null : Rows(Aim),
        };
    }
}
