using System.Globalization;

namespace Ardir.Core;

/// <summary>Makes number formatting independent of the machine's culture until it is disposed, for text that is compared or
/// parsed.</summary>
public sealed class InvariantCultureScope : IDisposable
{
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    /// <summary>Makes the invariant culture that of this thread.</summary>
    public InvariantCultureScope() => CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

    /// <summary>Restores the culture that was there before.</summary>
    public void Dispose() => CultureInfo.CurrentCulture = _before;
}
