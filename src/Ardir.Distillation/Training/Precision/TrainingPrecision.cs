namespace Ardir.Distillation;

/// <summary>In what the student computes while it trains.</summary>
public enum TrainingPrecision
{
    /// <summary>In the precision its weights have. The default.</summary>
    Full,

    /// <summary>
    /// Convolutions and linear layers in bfloat16, batch norm and all losses in float32. The optimiser works on float32 weights, of which the student's are
    /// roundings; the student gets these back at the end. For students in float32. Pays on processors with bfloat16 units (recent GPUs and server CPUs); elsewhere it is slower.
    /// </summary>
    BFloat16,
}
