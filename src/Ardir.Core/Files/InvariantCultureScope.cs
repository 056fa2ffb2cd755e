using System.Globalization;

namespace Ardir.Core;

/// <summary>Makes number formatting independent of the machine's culture until it is disposed, for text that is compared or
/// parsed.</summary>
internal sealed class InvariantCultureScope : IDisposable
{
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    public InvariantCultureScope() => CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

    public void Dispose() => CultureInfo.CurrentCulture = _before;
}
