namespace Ardir.Attacks;

/// <summary>Tensors that live as long as the object that holds them, outside the dispose scopes of single steps.</summary>
internal static class Owned
{
    /// <summary>Replaces a held tensor, which is disposed unless the next value is the same tensor, changed in place.</summary>
    public static void Renew(ref Tensor held, Tensor next)
    {
        next.DetachFromDisposeScope();
        if (!ReferenceEquals(held, next)) held.Dispose();
        held = next;
    }

    /// <summary>Keeps some of the samples of a held tensor.</summary>
    public static void Narrow(ref Tensor held, Tensor rows) => Renew(ref held, held.index_select(0, rows));
}
