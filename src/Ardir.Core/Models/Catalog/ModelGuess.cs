namespace Ardir.Core;

/// <summary>The network that <see cref="ModelCatalog"/> guessed from the entries of a state dictionary.</summary>
public sealed record ModelGuess
{
    /// <summary>The network and its size, for example <c>WideResNet-28-10</c>; <c>unknown</c> when there is none.</summary>
    public required string Architecture { get; init; }

    /// <summary>How well the entries fit.</summary>
    public required ModelCertainty Certainty { get; init; }

    /// <summary>Sentences that give the reasons for the guess and say what the entries do not show.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>All networks with these entries, the most usual first; none when unknown.</summary>
    public IReadOnlyList<ModelCandidate> Candidates { get; init; } = [];

    /// <summary>Number of classes; 0 when unknown.</summary>
    public int Classes { get; init; }

    /// <summary>Channels of the images; 0 when unknown.</summary>
    public int InputChannels { get; init; }

    /// <summary>The normalisation that came with the weights, to be wrapped around the network before they are loaded; null when there is
    /// none, or only shapes were given.</summary>
    public ChannelStatistics? Normalization { get; init; }

    /// <summary>Entries that the network has and the dictionary lacks.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Entries that the network does not have, except those known to be harmless.</summary>
    public IReadOnlyList<string> Unexpected { get; init; } = [];

    /// <summary>Entries of another shape, with both shapes.</summary>
    public IReadOnlyList<string> Mismatched { get; init; } = [];

    /// <summary>Makes the first candidate.</summary>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="InvalidOperationException">The network is unknown; the message says what was looked for.</exception>
    public nn.Module<Tensor, Tensor> Create() => Candidates.Count > 0
        ? Candidates[0].Create()
        : throw new InvalidOperationException($"No known network has these entries. {string.Join(' ', Reasons)}");

    /// <summary>The guess in a few lines.</summary>
    /// <returns>Architecture, certainty, candidates and reasons.</returns>
    public override string ToString() => string.Join('\n',
    [
        $"{Architecture} ({Certainty})",
        .. Candidates.Count > 1 ? Candidates.Select(candidate => $"  may be {candidate}") : [],
        .. Reasons.Select(reason => $"  {reason}"),
    ]);
}
