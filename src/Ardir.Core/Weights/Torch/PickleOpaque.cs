namespace Ardir.Core;

/// <summary>A placeholder for an object that the reader does not know or need. Only its name is kept.</summary>
/// <param name="Name">The name of its class in the file, or a word for what it is.</param>
/// <param name="IsTensor">Whether it is a tensor whose values cannot be read: sparse, quantised or complex.</param>
internal sealed record PickleOpaque(string Name, bool IsTensor = false)
{
    private const int MaxName = 200;

    /// <summary>The result of calling it, which is unknown as well. Beyond a limit, further calls do not make the name longer.</summary>
    public PickleOpaque Called() => Name.Length > MaxName
        ? this
        : new PickleOpaque($"{Name}()", IsTensor || Name.StartsWith("torch._utils._rebuild_", StringComparison.Ordinal));
}
