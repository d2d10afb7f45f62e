/** What is used of jstat, which comes without types. */
declare module 'jstat' {
  const jStat: {
    studentt: {
      /** The quantile of Student's t: the x below which a share `p` lies. */
      inv(p: number, degreesOfFreedom: number): number;
    };
  };
  export default jStat;
}
