namespace Ardir.Distributed;

/// <summary>What a rank calls.</summary>
internal enum CallKind
{
    AllReduce = 1,
    Broadcast,
    AllGather,
    Barrier,

    // The rank has finished its program.
    Dispose,
}
