namespace Ardir.Tests;

/// <summary>A reader with what it is fed.</summary>
internal sealed record FuzzTarget
{
    /// <summary>The reader, for people.</summary>
    public required string Name { get; init; }

    /// <summary>Files to start from, the first of which it reads; those in a packed format as they are before they are packed, so that damage gets past the checksum.</summary>
    public required IReadOnlyList<byte[]> Valid { get; init; }

    /// <summary>Places worth changing; see <see cref="FileMutator"/>.</summary>
    public IReadOnlyList<int> Aim { get; init; } = [];

    /// <summary>Packs a variant.</summary>
    public Func<byte[], byte[]>? Pack { get; init; }

    /// <summary>Files that were never valid.</summary>
    public required Func<Random, byte[]> Hostile { get; init; }

    /// <summary>The first bytes by which the format is known.</summary>
    public byte[] Magic { get; init; } = [];

    /// <summary>Reads a file with this content and lets go of the result.</summary>
    public required Action<byte[]> Read { get; init; }

    /// <summary>The only exception that may come out.</summary>
    public required Type Refusal { get; init; }

    /// <summary>An input: mostly a variant of a valid file, else one that was never valid, or noise.</summary>
    public byte[] Input(Random random)
    {
        switch (random.Next(10))
        {
            case 0:
                var noise = new byte[random.Next(1 << random.Next(12))];
                random.NextBytes(noise);
                return random.Next(2) == 0 ? noise : [.. Magic, .. noise];
            case <= 3: return Hostile(random);
            default:
                var valid = Valid[random.Next(Valid.Count)];
                if (Pack is null) return FileMutator.Mutate(valid, random, Aim);
                return random.Next(2) == 0 ? Pack(FileMutator.Mutate(valid, random, Aim)) : FileMutator.Mutate(Pack(valid), random);
        }
    }
}
