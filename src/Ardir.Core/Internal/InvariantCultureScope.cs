using System.Globalization;

namespace Ardir.Core;

/// <summary>Formats numbers the same way everywhere while it lives, for text that is compared or read by a machine.</summary>
internal sealed class InvariantCultureScope : IDisposable
{
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    public InvariantCultureScope() => CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

    public void Dispose() => CultureInfo.CurrentCulture = _before;
}
