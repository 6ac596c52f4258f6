declare module '*.css';
declare module 'virtual:looks.css';
