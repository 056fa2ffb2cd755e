namespace Ardir.Distillation;

/// <summary>Compute precision of the student during training.</summary>
public enum TrainingPrecision
{
    /// <summary>The precision of the student's weights. The default.</summary>
    Full,

    /// <summary>
    /// Convolutions and linear layers in bfloat16, batch norm and all losses in float32. The optimiser works on float32 weights,
    /// which are rounded for the student; the student gets the float32 weights back at the end. For students in float32. Faster
    /// only on processors with bfloat16 units (recent GPUs and server CPUs); elsewhere it is slower.
    /// </summary>
    BFloat16,
}
