namespace Ardir.Core;

/// <summary>Something the reader does not know and does not need to: it is carried along, inert.</summary>
/// <param name="Name">What it is, as the file calls it.</param>
/// <param name="IsTensor">It would be a tensor, had it values that can be read: sparse, quantised, complex.</param>
internal sealed record PickleOpaque(string Name, bool IsTensor = false)
{
    private const int MaxName = 200;

    /// <summary>What a call of it gives: as unknown as itself. Calls of calls of calls do not grow the name for ever.</summary>
    public PickleOpaque Called() => Name.Length > MaxName ? this : new PickleOpaque($"{Name}()", IsTensor || Name.StartsWith("torch._utils._rebuild_", StringComparison.Ordinal));
}
