using System.Runtime.InteropServices;

namespace Ardir.Core;

/// <summary>Memory for numbers outside of tensors.</summary>
internal sealed unsafe class FloatBlock : SafeHandle
{
    private const int Alignment = 64;   // bytes; a line of the cache

    /// <summary>Takes memory, whose content is undefined.</summary>
    /// <param name="count">How many numbers.</param>
    /// <exception cref="OutOfMemoryException">There is not so much.</exception>
    public FloatBlock(long count) : base(0, ownsHandle: true)
    {
        Count = count;
        SetHandle((nint)NativeMemory.Alloc(checked(((nuint)count * sizeof(float)) + Alignment)));
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>How many numbers.</summary>
    public long Count { get; }

    /// <summary>The first number. Valid while the block is: the caller keeps it alive.</summary>
    public float* First => (float*)((handle + Alignment - 1) & -Alignment);

    /// <summary>Keeps the memory until the result is disposed, even if another thread disposes this.</summary>
    /// <exception cref="ObjectDisposedException">Another thread has already done so.</exception>
    public Use Borrow()
    {
        var added = false;
        DangerousAddRef(ref added);
        return new Use(this);
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)handle);
        return true;
    }

    internal readonly struct Use(FloatBlock block) : IDisposable
    {
        public void Dispose() => block.DangerousRelease();
    }
}
