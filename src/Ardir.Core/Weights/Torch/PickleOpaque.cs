namespace Ardir.Core;

/// <summary>Something the reader does not know and does not need to: it is carried along, inert.</summary>
internal sealed record PickleOpaque(string Name)
{
    private const int MaxName = 200;

    /// <summary>What a call of it gives: as unknown as itself. Calls of calls of calls do not grow the name for ever.</summary>
    public PickleOpaque Called() => Name.Length > MaxName ? this : new PickleOpaque($"{Name}()");
}
